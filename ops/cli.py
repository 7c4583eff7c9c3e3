"""The `tritone` command. A command is imported when it is asked for: all of them take a second."""

from collections.abc import Iterator, Mapping
from functools import cache
from pkgutil import resolve_name
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tritone import __version__

COMMANDS = {
    "generate": "ops.client.cli:generate",
    "say": "ops.client.cli:say",
    "models": "ops.models.cli:app",
    "voices": "ops.voices.cli:app",
    "up": "ops.stack.cli:up_command",
    "ps": "ops.stack.listing_cli:ps_command",
    "doctor": "ops.doctor_cli:doctor_command",
    "keys": "ops.keys_cli:app",
}
"""Where each command is: a function, or an app with an option or commands of its own."""


@cache
def _import(name: str) -> object:
    found = resolve_name(COMMANDS[name])
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command()(function)
    command = get_command(found)
    command.name = name
    return command


class _Imported(Mapping[str, object]):
    """The commands by name, each imported when it is looked up."""

    def __getitem__(self, name: str) -> object:
        return _import(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Commands(TyperGroup):
    def __init__(self, **settings: object) -> None:
        super().__init__(**{**settings, "commands": _Imported()})  # type: ignore[arg-type]


app = typer.Typer(
    cls=_Commands,
    help="Text in, sound out: run and look after a Tritone server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point."""
    app()


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tritone {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Text in, sound out: run and look after a Tritone server."""
