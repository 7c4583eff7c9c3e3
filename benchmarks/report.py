"""Results: one JSON a part, with the commit and the machine, and its Markdown tables beside it."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine

RESULTS = Path("benchmarks/results")
QUICK_RESULTS = RESULTS / "quick"
"""Not in git: a quick run replaces no figure that documents quote."""


_KEYS = {"machine", "quick", "figures", "tables"}

Cell = str | float | int | None


class NoResult(RuntimeError):
    """A part was not measured yet; the message says how."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; `None` is an empty cell."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_markdown(self) -> str:
        """Return the table in Markdown, without its title."""
        lines = [_line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join(lines + [_line([format_cell(cell) for cell in row]) for row in self.rows])


def format_cell(cell: Cell) -> str:
    """Return a cell's text: floats with three significant digits, without an exponent."""
    if cell is None:
        return ""
    if not isinstance(cell, float):
        return str(cell)
    if math.isnan(cell):  # nothing succeeded
        return "–"
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"  # noqa: PLR2004


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def results_folder(*, quick: bool) -> Path:
    """Return the folder of a run's results; it is there."""
    folder = QUICK_RESULTS if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write(
    part: str,
    figures: object,
    tables: Sequence[Table],
    *,
    quick: bool,
    folder: Path | None = None,
) -> Path:
    """Write `<part>.json` and `<part>.md`; return the JSON's path.

    `figures` is what the tables and plots are made of, as JSON takes it.
    """
    folder = folder or results_folder(quick=quick)
    result = {
        "machine": machine(),
        "quick": quick,
        "figures": _plain(figures),
        "tables": _plain([asdict(table) for table in tables]),
    }
    path = folder / f"{part}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(to_markdown(result))
    return path


def _plain(value: object) -> object:
    """Return the value with None for NaN, which is not JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def read(part: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Return a part's result.

    Raises:
        NoResult: it was not measured, or by an older program.
    """
    path = folder / f"{part}.json"
    if not path.is_file():
        raise NoResult(f"{path} is missing; run: python -m benchmarks {part}")
    result: dict[str, Any] = json.loads(path.read_text())
    if not result.keys() >= _KEYS:
        raise NoResult(f"{path} is of an older form; run: python -m benchmarks {part}")
    return result


def tables_of(result: dict[str, Any]) -> list[Table]:
    """Return the tables of a result that was read."""
    return [
        Table(t["title"], tuple(t["columns"]), tuple(tuple(row) for row in t["rows"]))
        for t in result["tables"]
    ]


def to_markdown(result: dict[str, Any]) -> str:
    """Return a result's tables under their titles, and what they were measured on."""
    blocks = [f"**{t.title}**\n\n{t.to_markdown()}" for t in tables_of(result)]
    return "\n\n".join([*blocks, provenance(result)]) + "\n"


def provenance(result: dict[str, Any]) -> str:
    """Return a line on commit and machine."""
    on = result["machine"]
    kind = "a quick run" if result["quick"] else "a full run"
    return (
        f"Commit {on['commit']}, {on['cores']} cores ({on['processor']}), {on['memory_gib']} GiB, "
        f"Python {on['python']}; {kind}."
    )
