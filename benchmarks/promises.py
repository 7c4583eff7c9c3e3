"""The promises: installation, start, latency, overhead and memory, beside their limits."""

import statistics
from dataclasses import asdict, dataclass

from benchmarks.installation import fresh_installation
from benchmarks.progress import track
from benchmarks.report import Table, write
from benchmarks.requests import Client, Timing
from benchmarks.stack import Stack, running_stack
from benchmarks.workload import STANDARD

CLIP_SECONDS = 5.0
STEPS = STANDARD.steps
PROMPT = "rain falling on a tin roof"


@dataclass(frozen=True, slots=True)
class Promise:
    """One measured figure beside what it must reach."""

    what: str
    measured: float
    unit: str
    must_reach: float  # at most, in the same unit

    @property
    def is_reached(self) -> bool:
        """The figure is within its limit."""
        return self.measured <= self.must_reach


def measure(*, quick: bool) -> None:
    """Measure every promise; a quick run leaves the fresh installation out."""
    promises = [*([] if quick else _installation()), *_serving(3 if quick else 20)]
    write("promises", [asdict(promise) for promise in promises], [table(promises)], quick=quick)


def table(promises: list[Promise]) -> Table:
    """Return a row for each promise, with its limit and whether it holds."""
    rows = tuple(
        (
            promise.what,
            f"{promise.measured:.3g} {promise.unit}",
            f"<= {promise.must_reach:g} {promise.unit}",
            "yes" if promise.is_reached else "**no**",
        )
        for promise in promises
    )
    return Table("The promises", ("what", "measured", "must reach", ""), rows)


def _timings(stack: Stack, n_requests: int) -> list[Timing]:
    client = Client(stack)
    try:
        # The first request of a shape pays its allocations.
        first = client.generate(PROMPT, CLIP_SECONDS, 0, steps=STEPS)
        model = first.headers["x-tritone-model"]
        seeds = track(range(n_requests), "promises: sounds")
        return [client.time(PROMPT, CLIP_SECONDS, seed, steps=STEPS, model=model) for seed in seeds]
    finally:
        client.close()


def _serving(n_requests: int) -> list[Promise]:
    with running_stack("promises", jobs=True) as stack:
        timings = _timings(stack, n_requests)
        memory_gb = stack.memory_bytes() / 1e9
    wall_s = statistics.median(t.wall_s for t in timings)
    overhead_ms = 1e3 * statistics.median(t.overhead_s for t in timings)
    return [
        Promise("`make serve` (installed) to ready", stack.ready_s, "s", 15),
        Promise(f"5 s of sound, {STEPS} steps, one client, p50", wall_s, "s", 5),
        Promise("everything but the networks, p50", overhead_ms, "ms", 20),
        Promise("memory of the whole stack (PSS)", memory_gb, "GB", 2.5),
    ]


def _installation() -> list[Promise]:
    fresh = fresh_installation()
    return [
        Promise("install on a fresh machine, serving extras", fresh.seconds, "s", 180),
        Promise("size of the installation", fresh.n_bytes / 1e9, "GB", 1),
    ]
