"""`tritone voices`: the installed voices, and the one that can be added."""

import asyncio
import json
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from ops.errors import OpsError, TritonCallFailed
from ops.settings import Settings, load_settings
from ops.stack import running_stack
from ops.triton.control import TritonControl
from ops.voices import hibari, publish_default_voice
from ops.voices.installed import InstalledVoice, VoicesError, ask_triton, read_repositories

HOW_TO_ADD = (
    f"The default voice is added by `tritone voices add {hibari.CARD.name}`, or by starting the "
    "stack. This release cannot add voices of other engines (Kokoro, Piper, ...)."
)

app = typer.Typer(help=f"List and add the voices that speak.\n\n{HOW_TO_ADD}")

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
def _add(name: Annotated[str, typer.Argument(help="What to add.")]) -> None:
    """Publish the default voice where it is missing."""
    if name != hibari.CARD.name:
        _fail(f"{name} cannot be added; this release can add: {hibari.CARD.name}")
    settings = load_settings()
    if any(each.model == name for each in _find_installed(settings)):
        typer.echo(f"{name} is installed already")
        return
    try:
        folder = publish_default_voice(settings.resolved_state_directory() / "voices")
    except OpsError as error:
        _fail(str(error))
    if folder is None:
        _fail(f"the package {hibari.DISTRIBUTION} is not installed; install Tritone's own packages")
    if settings.default_voice:
        typer.echo(f"{name} is installed; the next start of `tritone up` serves it")
    else:
        typer.echo(
            f"{name} is installed; `tritone up` serves it unless TRITONE_DEFAULT_VOICE=false"
        )


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
        folders = [settings.model_repository, *sorted((state_directory / "voices").glob("[!.]*"))]
        return read_repositories(folders)
    except VoicesError as error:
        _fail(str(error))
    except TritonCallFailed as error:
        _fail(f"Triton does not answer: {str(error).splitlines()[0]}")


async def _ask(url: str) -> list[InstalledVoice]:
    control = TritonControl(url)
    try:
        return await ask_triton(control)
    finally:
        await control.close()


def _fail(reason: str) -> NoReturn:
    typer.echo(f"tritone: {reason}", err=True)
    raise typer.Exit(1)
