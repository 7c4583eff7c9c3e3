"""`tritone keys`."""

from typing import Annotated

import typer

from ops.errors import CannotStart
from ops.keys import KEY_COMMANDS, keys
from ops.settings import load_settings

app = typer.Typer(add_completion=False)


@app.command(
    add_help_option=False,  # every argument is the program's
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def _keys(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND …", autocompletion=lambda: KEY_COMMANDS, help="`--help` tells more."
        ),
    ] = None,
) -> None:
    """Make, list and revoke API keys."""
    try:
        raise typer.Exit(keys(load_settings(), arguments or []))
    except CannotStart as error:
        typer.echo(f"tritone: {error}", err=True)
        raise typer.Exit(1) from None
