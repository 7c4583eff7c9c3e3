"""What the exporter shows: progress, one sentence on failure, a table at the end."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from export.errors import ExportError

if TYPE_CHECKING:  # torch comes with it
    from export.exporter import Published

_errors = Console(stderr=True, soft_wrap=True)
_output = Console(soft_wrap=True)


@contextmanager
def progress(stages: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on stderr; give a function to be told each stage as it begins."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_errors) as bar:
        task = bar.add_task("", total=stages, completed=-1)
        yield lambda stage: bar.update(task, advance=1, description=stage)
        bar.update(task, completed=stages, description="done")


def show_error(error: ExportError) -> None:
    """Print the one sentence; what the libraries said goes to a file that it names."""
    _errors.print(f"error: {error}", style="bold red", markup=False, highlight=False)
    if not error.detail:
        return
    with suppress(OSError):  # the disk may be what is full
        with tempfile.NamedTemporaryFile(
            "w", prefix="tritone-export-", suffix=".log", delete=False
        ) as file:
            file.write(error.detail)
        _errors.print(f"details: {file.name}", markup=False, highlight=False)


def say(line: str) -> None:
    """Print one line to stdout."""
    _output.print(line, markup=False, highlight=False)


def show_table(table: Table) -> None:
    """Print a table to stdout."""
    _output.print(table)


def show_published(published: "Published", repository: Path) -> None:
    """Print what was published and how true it is."""
    card, measured = published.card, published.measured
    table = Table("relative error against PyTorch", "", box=None, pad_edge=False)
    for component, error in measured.components.items():
        table.add_row(component, f"{error:.1e}")
    table.add_row("whole pipeline, latents", f"{measured.end_to_end.latents_error:.1e}")
    table.add_row("whole pipeline, samples", f"{measured.end_to_end.pcm_error:.1e}")
    difference = measured.end_to_end.two_prompt_difference
    table.add_row("two prompts differ by", f"{difference:.1e}")
    say(f"published {card.name} version {published.version} in {repository}")
    show_table(table)
    say(f"clients name it; to make it the default: TRITONE_DEFAULT_MODEL={card.name}")
    if published.kept_configs:
        kept = ", ".join(published.kept_configs)
        say(f"config.pbtxt kept as it was, although this export's differs: {kept}")
    for line in published.on_gpus:
        say(f"on a GPU: {line}")
