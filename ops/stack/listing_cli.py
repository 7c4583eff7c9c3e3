"""`tritone ps`."""

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer

from ops.settings import load_settings
from ops.stack import running_stack
from ops.stack.listing import list_processes


def ps_command(
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
