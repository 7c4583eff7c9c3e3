"""Plots as PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

plt.switch_backend("Agg")  # no display

_SIZE_INCHES = (8.0, 4.5)
_DPI = 110
_FEW = 50  # points that are told apart
_COLOURS = ("#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e", "#868e96")


@dataclass(frozen=True, slots=True)
class Line:
    """Values over a common axis; those on the right axis have another unit."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    on_right: bool = False


def plot(
    path: Path,
    title: str,
    labels: tuple[str, str] | tuple[str, str, str],
    lines: Sequence[Line],
) -> None:
    """Draw lines from 0 on; `labels` name x, y and, if there is one, the right axis, with units."""
    figure, left = plt.subplots(figsize=_SIZE_INCHES, layout="constrained")
    right = left.twinx() if any(line.on_right for line in lines) else None
    for line, colour in zip(lines, _COLOURS, strict=False):
        axes = right if line.on_right and right is not None else left
        style = "--" if line.on_right else "-"
        marker = "o" if len(line.x) <= _FEW else ""
        axes.plot(line.x, line.y, style, marker=marker, color=colour, label=line.label)
    left.set(title=title, xlabel=labels[0], ylabel=labels[1], xlim=(0, None), ylim=(0, None))
    if right is not None:
        right.set(ylabel=labels[-1], ylim=(0, None))
    left.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(lines), frameon=False)
    _save(figure, path)


def bars(path: Path, title: str, unit: str, values: Sequence[tuple[str, float]]) -> None:
    """Draw a horizontal bar per name, the figure beside it."""
    figure, axes = plt.subplots(figsize=_SIZE_INCHES, layout="constrained")
    names, figures = [name for name, _ in values], [value for _, value in values]
    colours = [_COLOURS[0] if name == "Tritone" else _COLOURS[-1] for name in names]
    drawn = axes.barh(names, figures, color=colours)
    axes.bar_label(drawn, fmt="%.3g", padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(title=title, xlabel=unit)
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without its own version in it, the same figures give the same bytes.
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    plt.close(figure)
