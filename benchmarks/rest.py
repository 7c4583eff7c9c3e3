"""HTTP load of the REST contracts, closed and open loop."""

from dataclasses import asdict

from benchmarks import drive
from benchmarks.arrivals import poisson
from benchmarks.endpoints import Endpoint, contract_endpoints
from benchmarks.plots import Line, plot
from benchmarks.report import Table, results_folder, write
from benchmarks.stack import running_stack
from benchmarks.summary import OTHERS, Summary, summarize
from benchmarks.workload import Amount, amount, clips

CONCURRENCY = 8
SHARES = (0.3, 0.5, 0.7, 0.9)  # of the capacity, offered by the open loop
CONTRACT_SHARE = 0.7

Point = tuple[str, str, Summary]  # endpoint, load, figures


def measure(*, quick: bool) -> None:
    """Measure each contract, and the first one's latency against the load that is offered."""
    much = amount(quick=quick)
    with running_stack("http", jobs=True) as stack:
        endpoints = contract_endpoints(stack)
        points = [point for endpoint in endpoints for point in _contract(endpoint, much)]
        capacity = points[0][2].per_s
        curve = [_run_open_loop(endpoints[0], share, capacity, much) for share in SHARES]
    figures = {
        "contracts": [_record(point) for point in points],
        "offered": [
            {"share": share, "per_s": share * capacity, **asdict(summary)}
            for share, (_, _, summary) in zip(SHARES, curve, strict=True)
        ],
    }
    write("http", figures, [table(points + curve)], quick=quick)
    offered = [share * capacity for share in SHARES]
    plot(
        results_folder(quick=quick) / "http-offered.png",
        "Latency against the load that is offered (Poisson, POST /v1/audio/generate)",
        ("offered, clips/s", "latency, s"),
        [
            Line("p50", offered, [summary.p50_s for _, _, summary in curve]),
            Line("p95", offered, [summary.p95_s for _, _, summary in curve]),
        ],
    )


def _contract(endpoint: Endpoint, much: Amount) -> list[Point]:
    made = clips()
    drive.warm_up(endpoint, made)
    run = drive.run_closed_loop(
        endpoint, made, n_requests=much.closed(CONCURRENCY), concurrency=CONCURRENCY
    )
    closed = summarize(run)
    loaded = _run_open_loop(endpoint, CONTRACT_SHARE, closed.per_s, much)
    return [(endpoint.name, f"{CONCURRENCY} clients", closed), loaded]


def _run_open_loop(endpoint: Endpoint, share: float, capacity: float, much: Amount) -> Point:
    arrivals = poisson(share * capacity, much.arrivals)
    summary = summarize(drive.run_open_loop(endpoint, clips(), arrivals))
    return endpoint.name, f"Poisson, {share * capacity:.2g}/s ({share:.0%})", summary


def _record(point: Point) -> dict[str, object]:
    endpoint, load, summary = point
    return {"endpoint": endpoint, "load": load, **asdict(summary)}


def table(points: list[Point]) -> Table:
    """Return a row per contract and load."""
    rows = tuple(
        (
            *(endpoint, load, s.per_s, s.p50_s, s.p95_s, s.p99_s),
            *(s.n_requests, s.n_failed, f"{s.others_share:.0%}"),
        )
        for endpoint, load, s in points
    )
    columns = (
        *("contract", "load", "clips/s", "p50, s", "p95, s", "p99, s"),
        *("requests", "failed", OTHERS),
    )
    title = "REST contracts, clips of 5 s, 20 steps (8 where they cannot be asked for: {})"
    return Table(title.format("ElevenLabs, LocalAI"), columns, rows)
