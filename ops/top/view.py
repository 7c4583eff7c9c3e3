"""One frame as text. Any width will do: what does not fit is folded."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ops.top.figures import Component, Figures

_NONE = "–"
_MIB = 1 << 20
_COLUMNS = ("version", "active", "pending", "batch", "steps/s", "cancelled/s")
_TABLE_WIDTH = 60
_GAP = "   "


def frame(found: Figures, title: str) -> RenderableType:
    """Return the frame."""
    parts: list[RenderableType] = [Text(title, style="bold", overflow="fold")]
    parts += _complaints(found)
    parts += [_Pairs(_requests(found)), _Models(found)]
    if found.jobs is not None:
        parts.append(_Pairs(_jobs(found)))
    return Group(*parts)


def _complaints(found: Figures) -> Iterable[Text]:
    for target, problem in found.problems.items():
        if problem is not None:
            yield Text(f"{target}: {problem}", style="bold red", overflow="fold")
    if found.triton_up is False:
        yield Text("Triton is away, or serves no model", style="bold red", overflow="fold")


def _requests(found: Figures) -> dict[str, str]:
    since = " since start" if found.latency_since_start else ""
    return {
        "requests": f"{_number(found.requests_per_s)}/s",
        "errors": f"{_number(found.errors_per_s)}/s",
        "refused": f"{_number(found.refused_per_s)}/s",
        "clips": f"{_number(found.clips_per_s)}/s",
        "sound": f"{_number(found.sound_s_per_s)} s/s",
        "p50": f"{_number(found.p50_s)} s{since}",
        "p95": f"{_number(found.p95_s)} s{since}",
        "in flight": _number(found.in_flight),
        "waiting": _number(found.waiting),
        "oldest": f"{_number(found.queue_age_s)} s",
        "memory": _memory(found.memory_bytes),
    }


def _jobs(found: Figures) -> dict[str, str]:
    jobs = found.jobs
    assert jobs is not None  # noqa: S101 -- for the type checker; asked for by `frame`
    return {
        "jobs queued": _number(jobs.queued),
        "running": _number(jobs.running),
        "oldest": f"{_number(jobs.queue_age_s)} s",
        "ended": f"{_number(jobs.ended_per_s)}/s",
        "workers": _number(jobs.consumers / 2),  # a worker consumes two queues
        "webhooks pending": _number(jobs.webhooks),
    }


class _Models:
    """A table where there is room for one, else a line for each model."""

    def __init__(self, found: Figures) -> None:
        shown = {each.model for each in found.versions}
        self._rows = [_version(each) for each in found.versions]
        self._rows += [{"model": model} for model in sorted(found.models.keys() - shown)]
        self._away = {model for model, is_served in found.models.items() if not is_served}

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= _TABLE_WIDTH:
            yield self._table()
            return
        for row in self._rows:
            yield self._name(row)
            yield _Pairs({name: value for name, value in row.items() if name != "model"})

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("model", overflow="fold")
        for heading in _COLUMNS:
            table.add_column(heading, justify="right")
        for row in self._rows:
            table.add_row(self._name(row), *(row.get(heading, "") for heading in _COLUMNS))
        return table

    def _name(self, row: dict[str, str]) -> Text:
        if row["model"] in self._away:
            return Text(f"{row['model']} is away", style="red", overflow="fold")
        return Text(row["model"], overflow="fold")


def _version(each: Component) -> dict[str, str]:
    cells = (
        each.version,
        *map(_number, (each.active, each.pending, each.step_batch)),
        *map(_number, (each.steps_per_s, each.cancelled_per_s)),
    )
    return {"model": each.model, **dict(zip(_COLUMNS, cells, strict=True))}


class _Pairs:
    """Names and values, as many on a line as there is room for."""

    def __init__(self, pairs: dict[str, str]) -> None:
        self._pairs = pairs

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text(overflow="fold")
        for name, value in self._pairs.items():
            pair = Text.assemble((f"{name} ", "dim"), value)
            gap = _GAP if line else ""
            if line and line.cell_len + len(gap) + pair.cell_len > options.max_width:
                yield line
                line, gap = Text(overflow="fold"), ""
            line = Text.assemble(line, gap, pair, overflow="fold")
        yield line


def _number(value: float | None) -> str:
    if value is None:
        return _NONE
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


def _memory(n_bytes: float | None) -> str:
    return _NONE if n_bytes is None else f"{n_bytes / _MIB:,.0f} MiB"
