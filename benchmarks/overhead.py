"""Throughput lost outside the networks: what the whole product makes of what they could make."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import drive
from benchmarks.endpoints import stack_endpoint
from benchmarks.networks import Layout, Published, clips_per_s, layouts
from benchmarks.processor_time import LOAD, seconds_by_role
from benchmarks.progress import track
from benchmarks.report import Table, write
from benchmarks.stack import running_stack
from benchmarks.summary import summarize
from benchmarks.workload import STANDARD, clips

MODEL = Published(Path("model_repository"), "starter")
CONCURRENCY = 8
LATENT_FRAMES = 65  # of 5 s of the starter: 80 ms each, in buckets of 5
_MUST_REACH = 0.03
_LEAST_MS = 0.5
_ROUNDS = 12  # in the end a core idles for up to one clip: of three rounds that is 4 %


@dataclass(frozen=True, slots=True)
class Lost:
    """What the product made of what the networks alone can make, with all cores busy."""

    networks_per_s: float
    served_per_s: float
    load_share: float  # of all cores' time, taken by the load generator: not the product's

    @property
    def raw_share(self) -> float:
        """Lost to everything else on the machine."""
        return 1 - self.served_per_s / self.networks_per_s

    @property
    def share(self) -> float:
        """Lost to the product, as if the load came from another machine."""
        return 1 - self.served_per_s / (1 - self.load_share) / self.networks_per_s


def measure(*, quick: bool) -> None:
    """Measure the networks before and after the product, so that a drift of the machine shows."""
    n_clips = CONCURRENCY * (1 if quick else _ROUNDS)
    before = _networks(n_clips, "before")
    with running_stack("overhead") as stack:
        endpoint = stack_endpoint("overhead", stack)
        drive.warm_up(endpoint, clips())
        before_s = seconds_by_role(stack.process)
        summary = summarize(
            drive.run_closed_loop(endpoint, clips(), n_requests=n_clips, concurrency=CONCURRENCY)
        )
        after_s = seconds_by_role(stack.process)
    after = _networks(n_clips, "after")
    alone = {layout: (before[layout] + after[layout]) / 2 for layout in before}
    used = {role: after_s[role] - before_s.get(role, 0.0) for role in after_s}
    cores_s = n_clips / summary.per_s * len(os.sched_getaffinity(0))
    lost = Lost(max(alone.values()), summary.per_s, used[LOAD] / cores_s)
    clip_ms = {
        role: 1000 * used[role] / n_clips for role in sorted(used, key=lambda each: -used[each])
    }
    figures = {
        **asdict(lost),
        "lost_share": lost.share,
        "layouts": {str(layout): [before[layout], after[layout]] for layout in before},
        "clip_ms": clip_ms,
    }
    write("overhead", figures, [_table(alone, lost), _processes(clip_ms, lost)], quick=quick)


def _networks(n_clips: int, when: str) -> dict[Layout, float]:
    return {
        layout: clips_per_s(MODEL, STANDARD, layout, n_clips=n_clips, latent_frames=LATENT_FRAMES)
        for layout in track(layouts(), f"networks alone, {when}")
    }


def _table(alone: dict[Layout, float], lost: Lost) -> Table:
    verdict = "yes" if lost.share <= _MUST_REACH else "**no**"
    rows: list[tuple[str, str | float, str]] = [
        (f"networks alone, {layout}, clips/s", per_s, "") for layout, per_s in alone.items()
    ]
    rows += [
        (f"served, {CONCURRENCY} clients, clips/s", lost.served_per_s, ""),
        ("lost outside the networks, the load generator included", f"{lost.raw_share:.1%}", ""),
        ("lost to the product", f"{lost.share:.1%}", f"<= {_MUST_REACH:.0%}: {verdict}"),
    ]
    return Table("Throughput lost outside the networks", ("what", "measured", ""), tuple(rows))


def _processes(clip_ms: dict[str, float], lost: Lost) -> Table:
    networks_ms = 1000 * len(os.sched_getaffinity(0)) / lost.networks_per_s
    rows = tuple(
        (role, ms, f"{ms / networks_ms:.1%}") for role, ms in clip_ms.items() if ms >= _LEAST_MS
    )
    title = f"Processor time of one clip; the networks alone take {networks_ms:.0f} ms"
    return Table(title, ("process", "ms", "of the networks alone"), rows)
