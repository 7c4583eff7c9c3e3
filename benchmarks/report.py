"""Rows of a result, as Markdown and as JSON with the commit and the machine."""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure beside what it must reach."""

    what: str
    measured: float
    unit: str
    must_reach: float  # at most, in the same unit

    @property
    def reached(self) -> bool:
        """The figure is within its limit."""
        return self.measured <= self.must_reach


def machine() -> dict[str, str | int]:
    """Return what the figures were measured on; no host name."""
    git = ("git", "rev-parse", "--short", "HEAD")
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "commit": commit,
        "cores": psutil.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "processor": platform.machine(),
        "python": platform.python_version(),
    }


def to_markdown(rows: Sequence[Row]) -> str:
    """Return a table."""
    lines = ["| what | measured | must reach | |", "|---|---|---|---|"]
    for row in rows:
        verdict = "yes" if row.reached else "**no**"
        figure, limit = f"{row.measured:.3g} {row.unit}", f"<= {row.must_reach:g} {row.unit}"
        lines.append(f"| {row.what} | {figure} | {limit} | {verdict} |")
    return "\n".join(lines)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the rows with commit and machine."""
    result = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    path.with_suffix(".md").write_text(to_markdown(rows) + "\n")
