"""The settings of a command; bad ones are said in a line each, and end it."""

import typer
from pydantic import ValidationError

from ops.settings import Settings


def checked_settings() -> Settings:
    """Return the settings of this environment, or end the command with status 2."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors():
            path = "__".join(str(part).upper() for part in problem["loc"])
            variable = path if path.startswith("TRITONE_") else f"TRITONE_{path}"
            typer.echo(f"tritone: {variable}: {problem['msg']}", err=True)
        raise typer.Exit(2) from None
