"""`tritone up`."""

import asyncio
from typing import Annotated

import typer

from ops import logs
from ops.errors import CannotStart
from ops.settings import check_variables, load_settings
from ops.stack.up import up


def up_command(
    quiet: Annotated[
        bool, typer.Option(help="Say the essential; the log is a file in the state folder.")
    ] = False,
    frontend: Annotated[bool, typer.Option(help="Run the frontend too.")] = True,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Compute on the GPU, without Docker; see the extra `gpu`.")
    ] = False,
) -> None:
    """Run Triton and the frontend until Ctrl-C. Settings: the variables `TRITONE_*`."""
    logs.configure()
    try:
        settings = load_settings()
        check_variables(settings, logs.tell)
        if gpu:
            triton = settings.triton.model_copy(update={"gpu": True})
            settings = settings.model_copy(update={"triton": triton})
        asyncio.run(up(settings, with_frontend=frontend, is_quiet=quiet))
    except CannotStart as error:
        logs.tell(f"tritone: {error}")
        raise typer.Exit(1) from None
