"""Progress bars on stderr."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import track as rich_track

T = TypeVar("T")

console = Console(stderr=True)


def track(items: Sequence[T], what: str) -> Iterable[T]:
    """Iterate with a bar."""
    return rich_track(items, description=what, console=console)


def bars() -> AbstractContextManager[Progress]:
    """Return bars to add tasks to."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def say(line: str) -> None:
    """Write a line above the bars."""
    console.print(line, markup=False, highlight=False)
