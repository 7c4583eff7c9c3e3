"""Throughput lost outside the networks: what the whole product makes of what they could make."""

from pathlib import Path

from benchmarks import drive
from benchmarks.networks import Layout, Published, clips_per_s, layouts
from benchmarks.progress import track
from benchmarks.report import Table, write
from benchmarks.stack import running_stack
from benchmarks.summary import summarize
from benchmarks.targets import stack_target
from benchmarks.workload import STANDARD, clips

MODEL = Published(Path("model_repository"), "starter")
CONCURRENCY = 8
LATENT_FRAMES = 65  # of 5 s of the starter: 80 ms each, in buckets of 5
_MUST_REACH = 0.03
_ROUNDS = 12  # in the end a core idles for up to one clip: of three rounds that is 4 %


def measure(*, quick: bool) -> None:
    """Measure the networks before and after the product, so that a drift of the machine shows."""
    n_clips = CONCURRENCY * (1 if quick else _ROUNDS)
    before = _networks(n_clips, "before")
    with running_stack("overhead") as stack:
        target = stack_target("overhead", stack)
        drive.warm_up(target, clips())
        run = drive.closed(target, clips(), n_requests=n_clips, concurrency=CONCURRENCY)
        served = summarize(run).per_s
    after = _networks(n_clips, "after")
    best = max(before, key=lambda layout: before[layout] + after[layout])
    alone = (before[best] + after[best]) / 2
    figures = {
        "served_per_s": served,
        "networks_per_s": alone,
        "lost_share": 1 - served / alone,
        "layouts": {str(layout): [before[layout], after[layout]] for layout in before},
    }
    write("overhead", figures, [_table(before, after, served, alone)], quick=quick)


def _networks(n_clips: int, when: str) -> dict[Layout, float]:
    return {
        layout: clips_per_s(MODEL, STANDARD, layout, n_clips=n_clips, latent_frames=LATENT_FRAMES)
        for layout in track(layouts(), f"networks alone, {when}")
    }


def _table(
    before: dict[Layout, float], after: dict[Layout, float], served: float, alone: float
) -> Table:
    lost = 1 - served / alone
    verdict = "yes" if lost <= _MUST_REACH else "**no**"
    rows: list[tuple[str, str | float, str]] = [
        (f"networks alone, {layout}, clips/s", (before[layout] + after[layout]) / 2, "")
        for layout in before
    ]
    rows += [
        (f"served, {CONCURRENCY} clients, clips/s", served, ""),
        ("lost outside the networks", f"{lost:.1%}", f"<= {_MUST_REACH:.0%}: {verdict}"),
    ]
    return Table("Throughput lost outside the networks", ("what", "measured", ""), tuple(rows))
