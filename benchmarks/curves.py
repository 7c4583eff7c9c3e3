"""What a clip costs: against clients, seconds, steps, and repeated prompts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from benchmarks import drive
from benchmarks.clips import Clip
from benchmarks.endpoints import Endpoint, stack_endpoint
from benchmarks.long_window import long_window
from benchmarks.plots import Line, plot
from benchmarks.report import Table, results_folder, write
from benchmarks.stack import running_stack
from benchmarks.summary import OTHERS, Summary, summarize
from benchmarks.workload import STANDARD, Amount, amount, clips

BUSY = 4  # clients that keep everything busy


@dataclass(frozen=True, slots=True)
class Point:
    """One setting: latency of a client alone, throughput of several."""

    x: float
    alone: Summary
    busy: Summary


@dataclass(frozen=True, slots=True)
class Curve:
    """What is varied, and how."""

    key: str
    title: str
    axis: str  # with its unit
    values: tuple[float, ...]
    quick_values: tuple[float, ...]

    def clip(self, value: float) -> Clip:
        """Return what is asked for at a value."""
        match self.key:
            case "seconds" | "window":
                return replace(STANDARD, seconds=value)
            case "steps":
                return replace(STANDARD, steps=int(value))
            case "repeats":  # short: where the text encoder's share is largest
                return replace(STANDARD, seconds=1.0, steps=5)
        return STANDARD


CURVES = (
    Curve("concurrency", "clients", "clients", (1, 2, 4, 8, 16, 32), (1, 4)),
    Curve("seconds", "length", "length of the clip, s", (1, 2, 3, 5, 7, 10, 15), (1, 5)),
    Curve("steps", "steps", "steps", (5, 10, 20, 50, 100), (5, 20)),
    Curve("window", "length, window of 47 s", "length of the clip, s", (5, 15, 30, 47), (5, 47)),
    Curve("repeats", "repeated prompts", "prompts that repeat, %", (0, 25, 50, 75, 100), (0, 100)),
)


def measure(*, quick: bool) -> None:
    """Measure all curves, each against a stack of its own."""
    much = replace(amount(quick=quick), rounds=1 if quick else 2)
    results: dict[str, list[Point]] = {}
    for curve in CURVES:
        values = curve.quick_values if quick else curve.values
        repository = long_window() if curve.key == "window" else None
        with running_stack("curves", repository=repository) as stack:
            endpoint = stack_endpoint("curves", stack)
            results[curve.key] = [_point(endpoint, curve, value, much) for value in values]
    figures = {key: [asdict(point) for point in points] for key, points in results.items()}
    tables = [table(curve, results[curve.key]) for curve in CURVES]
    write("curves", figures, tables, quick=quick)
    for curve in CURVES:
        draw(curve, results[curve.key], quick=quick)


def _point(endpoint: Endpoint, curve: Curve, value: float, much: Amount) -> Point:
    named = replace(endpoint, name=f"{curve.title} {value:g}")
    repeats = value / 100 if curve.key == "repeats" else 0.0
    made = clips(curve.clip(value), repeats=repeats)
    drive.warm_up(named, made)
    n_clients = int(value) if curve.key == "concurrency" else BUSY
    busy = drive.run_closed_loop(
        named, made, n_requests=much.closed(n_clients), concurrency=n_clients
    )
    if curve.key == "concurrency":
        return Point(value, summarize(busy), summarize(busy))
    alone = drive.run_closed_loop(named, made, n_requests=max(2, much.least // 2), concurrency=1)
    return Point(value, summarize(alone), summarize(busy))


def table(curve: Curve, points: Sequence[Point]) -> Table:
    """Return a row per value."""
    if curve.key == "concurrency":
        return _clients_table(curve, points)
    columns = (curve.axis, "p50 of one client, s", f"clips/s, {BUSY} clients", "failed", OTHERS)
    rows = tuple(
        (
            *(f"{p.x:g}", p.alone.p50_s, p.busy.per_s, p.alone.n_failed + p.busy.n_failed),
            f"{p.busy.others_share:.0%}",
        )
        for p in points
    )
    return Table(_title(curve), columns, rows)


def _clients_table(curve: Curve, points: Sequence[Point]) -> Table:
    columns = (curve.axis, "clips/s", "p50, s", "p95, s", "failed", OTHERS)
    summaries = [(f"{point.x:g}", point.busy) for point in points]
    rows = tuple(
        (clients, s.per_s, s.p50_s, s.p95_s, s.n_failed, f"{s.others_share:.0%}")
        for clients, s in summaries
    )
    return Table(_title(curve), columns, rows)


def draw(curve: Curve, points: Sequence[Point], *, quick: bool) -> None:
    """Draw latency on the left and throughput on the right."""
    x = [point.x for point in points]
    if curve.key == "concurrency":
        lines = [
            Line("p50", x, [p.busy.p50_s for p in points]),
            Line("p95", x, [p.busy.p95_s for p in points]),
        ]
        throughput = "clips/s"
    else:
        lines = [Line("p50 of one client", x, [p.alone.p50_s for p in points])]
        throughput = f"clips/s with {BUSY} clients"
    lines.append(Line(throughput, x, [p.busy.per_s for p in points], on_right=True))
    path = results_folder(quick=quick) / f"curve-{curve.key}.png"
    plot(path, _title(curve), (curve.axis, "latency, s", "throughput, clips/s"), lines)


def _title(curve: Curve) -> str:
    like = curve.clip(0.0)
    fixed = {"seconds": f"clips of {like.seconds:g} s", "steps": f"{like.steps} steps"}
    varied = {"window": "seconds"}.get(curve.key, curve.key)
    rest = ", ".join(text for key, text in fixed.items() if key != varied)
    return f"Cost against {curve.title} ({rest})"
