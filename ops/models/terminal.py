"""What `tritone models` shows: tables for people, JSON for machines, progress on stderr."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ops.models.actions import Say
from ops.models.overview import Row
from ops.models.smoke import Smoke
from ops.models.traffic import Figures

_MEGABYTE = 1_000_000

_out = Console(soft_wrap=True)
_err = Console(stderr=True, soft_wrap=True)


@contextmanager
def progress(*, is_json: bool) -> Iterator[Say]:
    """Give a function to be told each stage as it begins."""
    if is_json or not _err.is_terminal:
        yield lambda stage: None if is_json else _err.print(stage, markup=False, highlight=False)
        return
    with _err.status("") as status:
        yield status.update


def show_json(value: Any) -> None:  # noqa: ANN401 -- whatever JSON can hold
    """Print JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def say(line: str) -> None:
    """Print one line on stdout."""
    _out.print(line, markup=False, highlight=False)


def complain(line: str) -> None:
    """Print one line on stderr."""
    _err.print(f"tritone: {line}", markup=False, highlight=False)


def ask(question: str) -> None:
    """Go on after a yes.

    Raises:
        typer.Exit: status 1; it was a no, or nobody is there to ask.
    """
    if not sys.stdin.isatty():
        complain(f"{question} Nobody is there to ask: give --yes")
        raise typer.Exit(1)
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def show_rows(rows: list[Row]) -> None:
    """Print a line for each version."""
    columns = ("model", "version", "state", "share", "precision", "size", "error", "files")
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        state = f"{row.state}: {row.reason}" if row.reason else row.state
        error = (row.errors or {}).get("latents_error")
        table.add_row(
            row.model,
            str(row.version),
            state,
            f"{row.share:.0%}" if row.share else "",
            row.precision or "-",
            format_size(row.n_bytes),
            "-" if error is None else f"{error:.1e}",
            row.digest or "-",
        )
    _out.print(table)


def show_row(row: Row) -> None:
    """Print everything about one version."""
    table = Table(f"{row.model} version {row.version}", "", box=None, pad_edge=False)
    table.add_row("state", f"{row.state}: {row.reason}" if row.reason else row.state)
    table.add_row("share of the requests", f"{row.share:.0%}")
    table.add_row("precision", row.precision or "-")
    for component, what in (row.networks or {}).items():
        table.add_row(component.replace("_", " "), what)
    table.add_row("size", format_size(row.n_bytes))
    table.add_row("files (hash of hashes)", row.digest or "-")
    table.add_row("made of", row.source or "-")
    for what, error in (row.errors or {}).items():
        table.add_row(f"measured: {what.replace('_', ' ')}", f"{error:.1e}")
    _out.print(table)


def show_smoke(smoke: Smoke) -> None:
    """Print what a version answered."""
    heard = ", ".join(
        f"{level:.1f} dBFS in {seconds:.2f} s"
        for level, seconds in zip(smoke.loudness_dbfs, smoke.seconds, strict=True)
    )
    say(f"two prompts: {heard}; they differ by {smoke.difference:.2g}")
    if smoke.fingerprint_error is not None:
        say(f"fingerprint: {smoke.fingerprint_error:.1e} off, at most {smoke.tolerance:g} may be")


def show_figures(figures: list[Figures]) -> None:
    """Print a line for each version that answered."""
    columns = ("version", "passes", "failed", "silent", "p50", "p95", "mean", "loudness")
    table = Table(*columns, box=None, pad_edge=False)
    for each in figures:
        table.add_row(
            each.version,
            str(each.passes),
            str(each.failures),
            str(each.silent),
            _number(each.p50_seconds, "<= {:g} s"),
            _number(each.p95_seconds, "<= {:g} s"),
            _number(each.mean_seconds, "{:.2f} s"),
            _number(each.loudness_dbfs, "<= {:g} dBFS"),
        )
    _out.print(table)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def format_size(n_bytes: int | None) -> str:
    """Return a number of bytes for people."""
    if n_bytes is None:
        return "-"
    return f"{n_bytes / _MEGABYTE:,.1f} MB"
