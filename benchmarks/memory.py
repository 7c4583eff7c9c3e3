"""`python -m benchmarks memory`: what the whole stack holds while it makes thousands of sounds.

The sounds are short and the steps few, so that many are made; each prompt is another one. Nothing
may grow.
"""

from dataclasses import dataclass

from benchmarks import drive
from benchmarks.clips import Clip
from benchmarks.endpoints import stack_endpoint
from benchmarks.report import Table, write
from benchmarks.stack import running_stack
from benchmarks.workload import Clips, clips

CONCURRENCY = 8
LIKE = Clip("", 0, seconds=1.0, steps=2, guidance_scale=2.0)
_BATCH = 500
_N_BATCHES = 10


@dataclass(frozen=True, slots=True)
class Held:
    """Memory after so many sounds."""

    n_sounds: int
    pss_mb: float
    rss_mb: float


def measure(*, quick: bool) -> None:
    """Make sounds in batches; write what the stack held after each."""
    size, n_batches = (50, 2) if quick else (_BATCH, _N_BATCHES)
    with running_stack("memory") as stack:
        endpoint = stack_endpoint("memory", stack)
        drive.warm_up(endpoint, clips(LIKE))
        held = []
        for batch in range(n_batches + 1):
            pss, rss, _ = stack.memory()
            held.append(Held(batch * size, pss / 1e6, rss / 1e6))
            if batch < n_batches:
                made = _from(clips(LIKE), batch * size)
                drive.run_closed_loop(endpoint, made, n_requests=size, concurrency=CONCURRENCY)
    rows = tuple((each.n_sounds, f"{each.pss_mb:.0f}", f"{each.rss_mb:.0f}") for each in held)
    table = Table(
        "Memory of all processes while sounds of 1 s are made", ("sounds", "PSS MB", "RSS MB"), rows
    )
    write(
        "memory", {"held": [[h.n_sounds, h.pss_mb, h.rss_mb] for h in held]}, [table], quick=quick
    )


def _from(made: Clips, first: int) -> Clips:
    return lambda index: made(first + index)
