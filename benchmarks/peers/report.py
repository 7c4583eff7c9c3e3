"""The peers' tables, ratios and plots."""

from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.peers.same_work import Likeness
from benchmarks.plots import bars
from benchmarks.report import NoResult, Table, read, results_folder, write
from benchmarks.summary import OTHERS, Summary

OURS = "Tritone"
OUR_KEY = "tritone"
BASELINE = "fastapi"


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured of one server."""

    key: str
    name: str
    alone: Summary  # one client
    closed: Summary  # eight clients
    offered: Summary  # the same arrivals for everybody
    likeness: Likeness | None  # to ours; None: it is ours


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours against somebody's: above 1 is in our favour."""

    what: str
    ratio: float
    must_reach: float

    @property
    def is_reached(self) -> bool:
        """The ratio is at least what it must be."""
        return self.ratio >= self.must_reach


def ratios(results: Sequence[Result]) -> list[Ratio]:
    """Return the ratios that can be made of what was measured."""
    ours = next((result for result in results if result.key == OUR_KEY), None)
    if ours is None:
        return []
    plain = [result for result in results if result.key == BASELINE]
    others = [result for result in results if result.key not in (BASELINE, OUR_KEY)]
    found = []
    for baseline in plain:
        throughput = ours.closed.per_s / baseline.closed.per_s
        latency = baseline.offered.p95_s / ours.offered.p95_s
        found += [
            Ratio(f"clips/s with 8 clients, to {baseline.name}", throughput, 3.0),
            Ratio(f"p95 at the same offered load, to {baseline.name}", latency, 2.0),
        ]
    if others:
        best = max(others, key=lambda result: result.closed.per_s)
        ratio = ours.closed.per_s / best.closed.per_s
        found.append(Ratio(f"clips/s with 8 clients, to the best other ({best.name})", ratio, 1.3))
    return found


def read_earlier(
    replaced: Set[str], *, quick: bool, folder: Path | None = None
) -> tuple[float, list[Result]]:
    """Return the load offered, and who is not measured anew: of this very commit."""
    try:
        result = read("peers", folder or results_folder(quick=quick))
    except NoResult:
        return 0.0, []
    if BASELINE in replaced or result["quick"] != quick or result["machine"] != machine():
        return 0.0, []
    figures = result["figures"]
    results = [_result(s) for s in figures["servers"] if s["key"] not in replaced]
    return float(figures["offered_per_s"]), results


def _result(server: dict[str, Any]) -> Result:
    return Result(
        server["key"],
        server["name"],
        alone=Summary(**server["alone"]),
        closed=Summary(**server["closed"]),
        offered=Summary(**server["offered"]),
        likeness=Likeness(**server["likeness"]) if server["likeness"] else None,
    )


def publish(
    results: Sequence[Result], left_out: dict[str, str], offered_per_s: float, *, quick: bool
) -> None:
    """Write JSON, tables and plots of what was measured so far."""
    results = sorted(results, key=lambda result: result.key == OUR_KEY)
    found = ratios(results)
    figures = {
        "offered_per_s": offered_per_s,
        "servers": [asdict(result) for result in results],
        "ratios": [{**asdict(ratio), "reached": ratio.is_reached} for ratio in found],
        "left_out": left_out,
    }
    tables = [_servers(results, offered_per_s), _ratios(found), _likeness(results)]
    write("peers", figures, tables, quick=quick)
    bars(
        results_folder(quick=quick) / "peers-throughput.png",
        "Eight clients, clips of 5 s, 20 steps, the same weights",
        "clips/s",
        [(result.name, result.closed.per_s) for result in results],
    )
    bars(
        results_folder(quick=quick) / "peers-latency.png",
        f"p95 with {offered_per_s:.2g} clips/s arriving (Poisson)",
        "s, from the intended arrival",
        [(result.name, result.offered.p95_s) for result in results],
    )


def _servers(results: Sequence[Result], offered_per_s: float) -> Table:
    load = f"{offered_per_s:.2g}/s"
    columns = (
        *("server", "alone: p50, s", "8 clients: clips/s", "their p95, s"),
        *(f"{load}: p50, s", "its p95, s", "failed", OTHERS),
    )
    rows = tuple(
        (
            *(r.name, r.alone.p50_s, r.closed.per_s, r.closed.p95_s),
            *(r.offered.p50_s, r.offered.p95_s, r.closed.n_failed + r.offered.n_failed),
            f"{r.closed.others_share:.0%}",  # below saturation others only take what is idle
        )
        for r in results
    )
    return Table("Side by side: clips of 5 s, 20 steps, the same weights", columns, rows)


def _ratios(found: Sequence[Ratio]) -> Table:
    rows = tuple(
        (r.what, f"{r.ratio:.2f}", f">= {r.must_reach:g}", "yes" if r.is_reached else "**no**")
        for r in found
    )
    return Table("Ratios", ("ratio", "measured", "must reach", ""), rows)


def _likeness(results: Sequence[Result]) -> Table:
    rows = tuple(
        (r.name, f"{r.likeness.two_steps_error:.1e}", r.likeness.level_db, r.likeness.spectrum_db)
        for r in results
        if r.likeness
    )
    columns = ("server", "two steps: relative error", "level: dB apart", "spectrum: dB apart")
    return Table("The same work: their sounds beside ours", columns, rows)
