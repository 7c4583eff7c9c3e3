"""What many answers come to: percentiles, throughput, failures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.load import Run

OTHERS = "CPU of others"


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of one run; latencies are of the answers that succeeded."""

    n_requests: int
    n_failed: int
    wall_s: float
    per_s: float  # successes per second of wall time
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float
    # Of all cores' time, taken by neither the load nor the server; below saturation they may have
    # taken what was idle, and disturbed nobody.
    others_share: float = 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile with linear interpolation; NaN of nothing."""
    return float(np.percentile(values, percent)) if values else float("nan")


def summarize(run: Run) -> Summary:
    """Return throughput and latencies; only sounds count, and NaN where there was none."""
    latencies = [answer.latency_s for answer in run.answers if answer.is_good]
    return Summary(
        n_requests=len(run.answers),
        n_failed=len(run.answers) - len(latencies),
        wall_s=run.wall_s,
        per_s=len(latencies) / run.wall_s if run.wall_s else 0.0,
        mean_s=float(np.mean(latencies)) if latencies else float("nan"),
        p50_s=percentile(latencies, 50),
        p95_s=percentile(latencies, 95),
        p99_s=percentile(latencies, 99),
        max_s=max(latencies, default=float("nan")),
        others_share=run.others_share,
    )
