"""`python -m benchmarks overload`: twice the load that can be served, for minutes.

What must hold: whoever is accepted waits no longer in the last minutes than in the second (in the
first the queue fills), whoever is refused is told when to come back, and no process grows.
"""

import statistics
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

import httpx2

from benchmarks import drive
from benchmarks.arrivals import poisson_for
from benchmarks.capacity import clips_per_s
from benchmarks.clips import Clip, clip
from benchmarks.endpoints import Endpoint, vllm_omni
from benchmarks.load import Answer
from benchmarks.report import Table, write
from benchmarks.stack import Stack, running_stack
from benchmarks.summary import percentile

OVERLOAD = 2.0
_PERIOD_S = 60.0
_SAMPLE_S = 5.0
_REFUSALS = (429, 503)


@dataclass(frozen=True, slots=True)
class Memory:
    """All processes of the stack at one moment."""

    at_s: float
    pss_mb: float
    rss_mb: float
    n_processes: int


@dataclass(slots=True)
class Watch:
    """Reads the stack's memory now and then, in a thread of its own."""

    stack: Stack
    samples: list[Memory] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Sample until told to end."""
        started = time.perf_counter()
        while not self._ended.wait(_SAMPLE_S):
            pss, rss, n_processes = self.stack.memory()
            at_s = time.perf_counter() - started
            self.samples.append(Memory(at_s, pss / 1e6, rss / 1e6, n_processes))

    def end(self) -> None:
        """Stop watching after the next look."""
        self._ended.set()


@dataclass(slots=True)
class Refusals:
    """Asks, and notes what refusals say."""

    n: Counter[int] = field(default_factory=Counter)
    retry_after_s: list[float] = field(default_factory=list)

    async def ask(self, client: httpx2.AsyncClient, clip: Clip) -> httpx2.Response:
        """Ask in vLLM-Omni's words; note a refusal and its `Retry-After`."""
        answer = await vllm_omni(client, clip)
        self.n[answer.status_code] += 1
        if answer.status_code in _REFUSALS and "retry-after" in answer.headers:
            self.retry_after_s.append(float(answer.headers["retry-after"]))
        return answer


def measure(*, quick: bool, minutes: float = 10.0) -> None:
    """Overload the stack; write what each minute was like."""
    seconds = 60.0 if quick else 60.0 * minutes
    with running_stack("overload") as stack:
        capacity = clips_per_s(Endpoint("capacity", stack.url, vllm_omni), 12 if quick else 40)
        refusals, watch = Refusals(), Watch(stack)
        arrivals = poisson_for(OVERLOAD * capacity, seconds, seed=1)
        watching = threading.Thread(target=watch.run)
        watching.start()
        try:
            endpoint = Endpoint("overload", stack.url, refusals.ask, stack.process)
            run = drive.run_open_loop(endpoint, clip, arrivals)
        finally:
            watch.end()
            watching.join()
    period_s = seconds / 4 if quick else _PERIOD_S
    figures = {
        "capacity_per_s": capacity,
        "others_share": run.others_share,
        "statuses": dict(refusals.n),
        "refused_with_retry_after": len(refusals.retry_after_s),
        "retry_after_s": {
            "p50": percentile(refusals.retry_after_s, 50),
            "max": max(refusals.retry_after_s, default=float("nan")),
        },
        "memory": [asdict(sample) for sample in watch.samples],
    }
    rows = tuple(
        _row(i, period_s, run.answers, watch.samples) for i in range(int(seconds / period_s))
    )
    title = (
        f"{OVERLOAD:g} times the capacity of {capacity:.3g} clips/s; refused with Retry-After: "
        f"{len(refusals.retry_after_s)} of {sum(refusals.n[status] for status in _REFUSALS)}; "
        f"CPU of others: {run.others_share:.0%}"
    )
    columns = ("from s", "arrived", "made", "refused", "failed", "p50 s", "p95 s", "PSS MB")
    write("overload", figures, [Table(title, (*columns, "RSS MB"), rows)], quick=quick)


def _row(
    i: int, period_s: float, answers: tuple[Answer, ...], memory: list[Memory]
) -> tuple[float | int, ...]:
    begin, end = i * period_s, (i + 1) * period_s
    mine = [answer for answer in answers if begin <= answer.intended_s < end]
    latencies = [answer.latency_s for answer in mine if answer.is_good]
    n_refused = sum(answer.status in _REFUSALS for answer in mine)
    samples = [sample for sample in memory if begin <= sample.at_s < end]
    return (
        round(begin),
        len(mine),
        len(latencies),
        n_refused,
        len(mine) - len(latencies) - n_refused,
        percentile(latencies, 50),
        percentile(latencies, 95),
        statistics.fmean(s.pss_mb for s in samples) if samples else float("nan"),
        statistics.fmean(s.rss_mb for s in samples) if samples else float("nan"),
    )
