"""`tritone voices engines`, and `tritone voices engine`: environments of those that need one."""

import json
from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from ops.errors import OpsError
from ops.settings import Settings, load_settings
from ops.voices.added import AddedVoices
from ops.voices.environments import Environments, build, find_fault, require_environment
from ops.voices.installed import read_repositories
from ops.voices.installer import Installer, UvInstaller
from ops.voices.isolated import require_engine
from tritone.engines import ENGINES, EngineFacts
from tritone.isolated import remedy

app = typer.Typer(
    help="Environments of engines that cannot share ours: build, list and remove them.",
    no_args_is_help=True,
)

_WIDTH = 180
_COLUMNS = (
    "engine", "installed", "runs in", "voices' licence", "languages", "clones", "streams", "seeds",
    "add with",
)  # fmt: skip
_SHOWN_LANGUAGES = 6

Name = Annotated[str, typer.Argument(metavar="NAME", help="parler-tts, xtts_v2 or chatterbox.")]


def make_installer() -> Installer:
    """Return what installs: tests put another in its place."""
    return UvInstaller()


@app.command("add")
def _add(
    name: Name,
    accepts: Annotated[
        bool, typer.Option("--accept-licence", help="Take what may not be used commercially.")
    ] = False,
) -> None:
    """Build the environment of an engine, or what is missing of it."""
    settings = load_settings()
    environments = Environments.of(settings)
    try:
        engine = require_engine(name)
        if not (engine.is_commercial or accepts):
            _fail(
                f"voices of {name} are under the licence {engine.voices_licence}, which forbids "
                "commercial use: read it, then say --accept-licence"
            )
        if environments.is_built(name) and find_fault(environments, name) is None:
            typer.echo(f"{name} is installed already, in {environments.path(name)}")
            return
        build(environments, engine, make_installer(), lambda line: typer.echo(line, err=True))
    except OpsError as error:
        _fail(str(error))
    typer.echo(
        f"{name} is installed, in {environments.path(name)}; now add a checkpoint of it: "
        "tritone voices add FOLDER"
    )


@app.command("remove")
def _remove(name: Name) -> None:
    """Remove the environment of an engine; voices that need it must be removed first."""
    settings = load_settings()
    try:
        require_engine(name)
        added = AddedVoices.of_state(settings.resolved_state_directory())
        needing = {each.model for each in read_repositories([added.folder]) if each.engine == name}
        if needing:
            _fail(f"{', '.join(sorted(needing))} cannot speak without {name}: remove them first")
        environments = Environments.of(settings)
        if not environments.remove(name):
            _fail(f"{name} is not installed")
        environments.forget_wheels()
    except OpsError as error:
        _fail(str(error))
    typer.echo(f"{name} is removed")


@app.command("list")
def _list(is_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the environments: whether each is installed, how large it is, and what is wrong."""
    environments = Environments.of(load_settings())
    try:
        rows = [_row(environments, each) for each in ENGINES.values() if each.environment]
    except OpsError as error:
        _fail(str(error))
    if is_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table("engine", "installed", "size", "remark", box=None, pad_edge=False)
    for row in rows:
        size = f"{row['n_bytes'] / 1e9:.1f} GB" if row["n_bytes"] else "-"
        table.add_row(row["engine"], "yes" if row["is_installed"] else "no", size, row["fault"])
    Console(soft_wrap=True).print(table)


def _row(environments: Environments, engine: EngineFacts) -> dict[str, Any]:
    name = engine.name
    if not environments.path(name).is_dir():
        fault, is_installed = f"tritone voices {engine.how_to_add}", False
    elif not environments.is_built(name):
        fault, is_installed = f"of another release, or not whole; {remedy(name)}", False
    else:
        found = find_fault(environments, name)
        fault, is_installed = (f"{found}; {remedy(name)}" if found else ""), found is None
    return {
        "engine": name,
        "is_installed": is_installed,
        "n_bytes": environments.n_bytes(name),
        "needs_bytes": require_environment(engine).n_bytes,
        "folder": str(environments.path(name)),
        "fault": fault,
    }


def show_engines(settings: Settings, speaking: set[str], *, is_json: bool) -> None:
    """Print every engine; `speaking` are those that have a voice."""
    environments = Environments.of(settings)
    states = {each.name: _say_installed(each, environments, speaking) for each in ENGINES.values()}
    if is_json:
        rows = [
            asdict(each)
            | {
                "is_installed": each.name in speaking,
                "has_environment": None
                if each.environment is None
                else environments.is_built(each.name),
            }
            for each in ENGINES.values()
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for each in ENGINES.values():
        table.add_row(*_engine_row(each, states[each.name]))
    # A row is one line, also in a pipe: a terminal folds it itself.
    Console(width=_WIDTH).print(table)


def _say_installed(engine: EngineFacts, environments: Environments, speaking: set[str]) -> str:
    if engine.name in speaking:
        return "yes"
    if engine.environment is None or not environments.is_built(engine.name):
        return "no"
    return "no voice yet"


def _engine_row(engine: EngineFacts, installed: str) -> list[str]:
    def say(is_so: bool) -> str:
        return "yes" if is_so else "no"

    remark = "" if engine.is_commercial else " (non-commercial)"
    more = len(engine.languages) - _SHOWN_LANGUAGES
    languages = ", ".join(engine.languages[:_SHOWN_LANGUAGES])
    return [
        engine.name,
        installed,
        "our environment" if engine.environment is None else "its own",
        engine.voices_licence + remark,
        (f"{languages} and {more} more" if more > 0 else languages) or "the voice's",
        say(engine.clones),
        say(engine.streams),
        say(engine.takes_seeds),
        f"tritone voices {engine.how_to_add}",
    ]


def _fail(reason: str) -> NoReturn:
    typer.echo(f"tritone: {reason}", err=True)
    raise typer.Exit(1)
