"""HTTP load of the REST contracts, closed and open loop."""

from dataclasses import asdict

from benchmarks import drive
from benchmarks.arrivals import poisson
from benchmarks.plots import Line, plot
from benchmarks.report import RESULTS, Table, write
from benchmarks.stack import running_stack
from benchmarks.summary import OTHERS, Summary, summarize
from benchmarks.targets import Target, contract_targets
from benchmarks.workload import Amount, amount, clips

CONCURRENCY = 8
SHARES = (0.3, 0.5, 0.7, 0.9)  # of the capacity, offered by the open loop
CONTRACT_SHARE = 0.7

Point = tuple[str, str, Summary]  # target, load, figures


def measure(*, quick: bool) -> None:
    """Measure each contract, and the first one's latency against the load that is offered."""
    much = amount(quick=quick)
    with running_stack("http", jobs=True) as stack:
        targets = contract_targets(stack)
        points = [point for target in targets for point in _contract(target, much)]
        capacity = points[0][2].per_s
        curve = [_opened(targets[0], share, capacity, much) for share in SHARES]
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
        RESULTS / "http-offered.png",
        "Latency against the load that is offered (Poisson, POST /v1/audio/generate)",
        ("offered, clips/s", "latency, s"),
        [
            Line("p50", offered, [summary.p50_s for _, _, summary in curve]),
            Line("p95", offered, [summary.p95_s for _, _, summary in curve]),
        ],
    )


def _contract(target: Target, much: Amount) -> list[Point]:
    made = clips()
    drive.warm_up(target, made)
    run = drive.closed(target, made, n_requests=much.closed(CONCURRENCY), concurrency=CONCURRENCY)
    closed = summarize(run)
    loaded = _opened(target, CONTRACT_SHARE, closed.per_s, much)
    return [(target.name, f"{CONCURRENCY} clients", closed), loaded]


def _opened(target: Target, share: float, capacity: float, much: Amount) -> Point:
    arrivals = poisson(share * capacity, much.arrivals)
    summary = summarize(drive.opened(target, clips(), arrivals))
    return target.name, f"Poisson, {share * capacity:.2g}/s ({share:.0%})", summary


def _record(point: Point) -> dict[str, object]:
    target, load, summary = point
    return {"target": target, "load": load, **asdict(summary)}


def table(points: list[Point]) -> Table:
    """Return a row per contract and load."""
    rows = tuple(
        (
            *(target, load, s.per_s, s.p50_s, s.p95_s, s.p99_s),
            *(s.n_requests, s.n_failed, f"{s.others_share:.0%}"),
        )
        for target, load, s in points
    )
    columns = (
        *("contract", "load", "clips/s", "p50, s", "p95, s", "p99, s"),
        *("requests", "failed", OTHERS),
    )
    title = "REST contracts, clips of 5 s, 20 steps (8 where they cannot be asked for: {})"
    return Table(title.format("ElevenLabs, LocalAI"), columns, rows)
