"""What people see meanwhile: a bar for each sound on stderr. Scripts see the files on stdout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from ops.client.job import Job, Made

_MAX_TITLE_CHARS = 40

ShowJob = Callable[[Job], None]


class Screen:
    """Lines and bars that vanish once all is made."""

    def __init__(self, progress: Progress) -> None:
        """Show nothing yet."""
        self._progress = progress
        self._stage: TaskID | None = None

    def say(self, stage: str) -> None:
        """Show what is being done before the first sound is asked for, or after the last."""
        self.end_stage()
        self._stage = self._progress.add_task(stage, total=None, where="")

    def end_stage(self) -> None:
        """Take the last stage off the screen."""
        if self._stage is not None:
            self._progress.remove_task(self._stage)
            self._stage = None

    def add_bar(self, title: str) -> ShowJob:
        """Return what to tell each change of a job."""
        self.end_stage()
        task = self._progress.add_task(_shorten(title), total=None, where="waiting")

        def show(job: Job) -> None:
            done, total = (1, 1) if job.is_over else (job.steps_done, job.steps)
            self._progress.update(task, completed=done, total=total, where=describe(job))

        return show

    def tell(self, made: Made) -> None:
        """Say what files do not: the seed, and what was not done as asked."""
        if self._progress.console.is_terminal:
            self._print(f"{made.seconds:.3g} s, seed {made.seed}")
        for note in made.notes:
            self._print(f"note: {note}")

    def _print(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


def describe(job: Job) -> str:
    """Return where a job is, in words."""
    if job.is_over:
        return job.status
    if job.status != "running":
        return f"{job.position} before it in the queue" if job.position else "waiting"
    return f"step {job.steps_done} of {job.steps}" if job.steps else "starting"


@contextmanager
def screen() -> Iterator[Screen]:
    """Give the screen of one command."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[where]}"),
    )
    console = Console(stderr=True)
    is_shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as progress:
        yield Screen(progress)


def print_file(name: str) -> None:
    """Write the name of a finished file on stdout."""
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def _shorten(title: str) -> str:
    line = " ".join(title.split())
    return line if len(line) <= _MAX_TITLE_CHARS else f"{line[: _MAX_TITLE_CHARS - 1]}…"
