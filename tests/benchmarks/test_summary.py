import math

import pytest

from benchmarks.load import Answer, Run
from benchmarks.summary import summarize


def _run(latencies: list[float], *, failed: int = 0) -> Run:
    good = [Answer(i, 0.0, 0.0, latency, 200) for i, latency in enumerate(latencies)]
    bad = [Answer(100 + i, 0.0, 0.0, 0.1, 503) for i in range(failed)]
    return Run((*good, *bad), wall_s=10.0)


def test_counts_only_successes_into_throughput_and_latency() -> None:
    summary = summarize(_run([1.0, 2.0, 3.0], failed=2))
    assert (summary.n_requests, summary.n_failed) == (5, 2)
    assert summary.per_s == pytest.approx(0.3)
    assert summary.p50_s == 2.0
    assert summary.max_s == 3.0


def test_a_run_in_which_all_failed_has_no_latency() -> None:
    summary = summarize(_run([], failed=3))
    assert summary.per_s == 0.0
    assert math.isnan(summary.p95_s)
