from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.peers.report import OURS, Result, measured_before, ratios
from benchmarks.peers.same_work import Likeness
from benchmarks.report import write
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
    assert throughput.reached
    assert latency.ratio == pytest.approx(1.5)
    assert not latency.reached
    assert best.ratio == pytest.approx(1.2)
    assert "fast" in best.what
    assert not best.reached


def test_without_ours_there_is_no_ratio() -> None:
    assert ratios([PLAIN]) == []


def test_without_others_there_is_no_best_other() -> None:
    assert len(ratios([PLAIN, OURS_RESULT])) == 2
    assert ratios([OURS_RESULT]) == []


def _written(folder: Path, *, quick: bool = False) -> None:
    likeness = Likeness(0.01, 0.1, 0.2)
    peers = [
        replace(_result(key, key, per_s=1.0, p95_s=1.0), likeness=likeness)
        for key in ("fastapi", "litserve")
    ]
    figures = {
        "offered_per_s": 0.4,
        "servers": [asdict(result) for result in (*peers, OURS_RESULT)],
    }
    write("peers", figures, [], quick=quick, folder=folder)


def test_who_is_not_measured_anew_is_kept(tmp_path: Path) -> None:
    _written(tmp_path)
    offered_per_s, kept = measured_before({"litserve"}, quick=False, folder=tmp_path)
    assert offered_per_s == 0.4
    assert [result.key for result in kept] == ["fastapi", "tritone"]
    assert kept[1] == OURS_RESULT
    assert kept[0].likeness == Likeness(0.01, 0.1, 0.2)


@pytest.mark.parametrize(
    ("replaced", "quick"),
    [
        pytest.param({"litserve"}, True, id="of another amount"),
        pytest.param({"fastapi"}, False, id="the load offered is measured anew"),
    ],
)
def test_what_cannot_be_compared_is_not_kept(
    tmp_path: Path, replaced: set[str], quick: bool
) -> None:
    _written(tmp_path)
    assert measured_before(replaced, quick=quick, folder=tmp_path) == (0.0, [])


def test_without_an_earlier_run_nothing_is_kept(tmp_path: Path) -> None:
    assert measured_before({"litserve"}, quick=False, folder=tmp_path) == (0.0, [])
