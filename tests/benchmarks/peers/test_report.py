from dataclasses import replace

import pytest

from benchmarks.peers.report import OURS, Result, ratios
from benchmarks.summary import Summary

_SUMMARY = Summary(8, 0, 8.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def _result(key: str, name: str, *, per_s: float, p95_s: float) -> Result:
    closed, offered = replace(_SUMMARY, per_s=per_s), replace(_SUMMARY, p95_s=p95_s)
    return Result(key, name, _SUMMARY, closed, offered, None)


OURS_RESULT = _result("tritone", OURS, per_s=3.0, p95_s=1.0)
PLAIN = _result("fastapi", "plain", per_s=0.5, p95_s=1.5)


def test_ratios_above_one_are_in_our_favour() -> None:
    slow = _result("litserve", "slow", per_s=1.0, p95_s=9.0)
    fast = _result("pytriton", "fast", per_s=2.5, p95_s=1.0)
    throughput, latency, best = ratios([PLAIN, slow, fast, OURS_RESULT])
    assert throughput.ratio == pytest.approx(6.0)
    assert throughput.is_reached
    assert latency.ratio == pytest.approx(1.5)
    assert not latency.is_reached
    assert best.ratio == pytest.approx(1.2)
    assert "fast" in best.what
    assert not best.is_reached
