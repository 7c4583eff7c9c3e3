"""The `tritone` command."""

import asyncio
import json
import time
from dataclasses import asdict
from typing import Annotated

import typer

from ops import logs
from ops.client.cli import generate, say
from ops.doctor import Finding, examine
from ops.errors import CannotStart
from ops.keys import KEY_COMMANDS, keys
from ops.models.cli import app as models
from ops.settings import check_variables, load_settings
from ops.stack import running_stack
from ops.stack.listing import list_processes
from ops.stack.up import up
from ops.voices.cli import app as voices
from tritone import __version__

app = typer.Typer(
    help="Text in, sound out: run and look after a Tritone server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("generate")(generate)
app.command("say")(say)
app.add_typer(models, name="models")
app.add_typer(voices, name="voices")


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


@app.command("up")
def _up(
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


@app.command("ps")
def _ps(
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the processes of the stack that runs with this state folder."""
    folder = load_settings().resolved_state_directory()
    stack = running_stack.find(folder)
    if stack is None:
        typer.echo(f"tritone: no stack runs in {folder}", err=True)
        raise typer.Exit(1)
    found = list_processes(stack)
    if is_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=1))
        return
    typer.echo(f"{'process':<24} {'pid':>8} {'state':<10} {'memory':>9} {'up':>9}  ports")
    for each in found:
        up_s, mib = round(time.time() - each.began), each.memory_bytes >> 20
        use = f"{each.name:<24} {each.pid:>8} {each.state:<10} {mib:>5} MiB {up_s:>7} s"
        typer.echo("  ".join([use, *map(str, each.ports)]))


@app.command("doctor")
def _doctor() -> None:
    """Check what the stack needs, a line each."""
    findings = examine(load_settings())
    for finding in findings:
        typer.echo(_line(finding))
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(1)


@app.command(
    "keys",
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


def _line(finding: Finding) -> str:
    return f"{'ok  ' if finding.is_good else 'BAD '} {finding.subject}: {finding.detail}"
