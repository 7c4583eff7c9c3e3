"""perf_analyzer against the ensemble, without the frontend: clients, and Poisson arrivals."""

from dataclasses import asdict
from pathlib import Path

from benchmarks import perf_analyzer
from benchmarks.perf_analyzer import Sweep
from benchmarks.plots import Line, plot
from benchmarks.progress import say, track
from benchmarks.report import Table, results_folder, write
from benchmarks.stack import running_stack
from benchmarks.summary import Summary, summarize
from benchmarks.workload import amount, clips

MODEL = "starter"
CLIENTS = (1, 2, 4, 8, 16)
QUICK_CLIENTS = (1, 4)
SHARES = (0.5, 0.7, 0.9)  # of the capacity
QUICK_SHARES = (0.7,)
_N_INPUTS = 64

Point = tuple[str, float, Summary]  # load, clients or clips/s, figures


def measure(*, quick: bool) -> None:
    """Sweep; a machine on which perf_analyzer cannot run skips this part with a line."""
    try:
        binary = perf_analyzer.install()
    except perf_analyzer.Unavailable as error:
        say(f"skipped: {error}")
    else:
        _sweep(binary, quick=quick)


def _sweep(binary: Path, *, quick: bool) -> None:
    much = amount(quick=quick)
    made = [clips()(index) for index in range(_N_INPUTS)]
    with running_stack("triton", TRITONE_LOG_LEVEL="warning") as stack:

        def run(sweep: Sweep) -> Summary:
            return summarize(perf_analyzer.measure(binary, stack.grpc_url, MODEL, made, sweep))

        run(Sweep(2, concurrency=1))  # the first request of a shape pays its allocations
        n_clients = QUICK_CLIENTS if quick else CLIENTS
        closed = [
            (f"{n} clients", float(n), run(Sweep(much.closed(n), concurrency=n)))
            for n in track(n_clients, "perf_analyzer: clients")
        ]
        capacity = max(summary.per_s for _, _, summary in closed)
        rates = [share * capacity for share in (QUICK_SHARES if quick else SHARES)]
        opened = [
            (f"Poisson, {rate:.2g}/s", rate, run(Sweep(much.arrivals, rate_per_s=rate)))
            for rate in track(rates, "perf_analyzer: Poisson")
        ]
    _report(closed, opened, quick=quick)


def _report(closed: list[Point], opened: list[Point], *, quick: bool) -> None:
    figures = {
        "clients": [{"clients": n, **asdict(summary)} for _, n, summary in closed],
        "poisson": [{"offered_per_s": rate, **asdict(summary)} for _, rate, summary in opened],
    }
    write("triton", figures, [table(closed + opened)], quick=quick)
    for name, axis, points in (
        ("clients", "clients", closed),
        ("poisson", "offered, clips/s", opened),
    ):
        x = [value for _, value, _ in points]
        plot(
            results_folder(quick=quick) / f"triton-{name}.png",
            "perf_analyzer against the ensemble, clips of 5 s, 20 steps",
            (axis, "latency, s", "throughput, clips/s"),
            [
                Line("p50", x, [summary.p50_s for _, _, summary in points]),
                Line("p95", x, [summary.p95_s for _, _, summary in points]),
                Line("clips/s", x, [summary.per_s for _, _, summary in points], on_right=True),
            ],
        )


def table(points: list[Point]) -> Table:
    """Return a row per load."""
    rows = tuple(
        (load, s.per_s, s.p50_s, s.p95_s, s.p99_s, s.n_requests, s.n_failed)
        for load, _, s in points
    )
    columns = ("load", "clips/s", "p50, s", "p95, s", "p99, s", "requests", "failed")
    return Table("perf_analyzer against the ensemble, clips of 5 s, 20 steps", columns, rows)
