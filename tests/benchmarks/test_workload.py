import pytest

from benchmarks.curves import CURVES
from benchmarks.networks import layouts
from benchmarks.workload import FULL, QUICK, STANDARD, clips


@pytest.mark.parametrize("concurrency", [1, 2, 4, 8, 16, 32])
def test_closed_loops_are_whole_rounds(concurrency: int) -> None:
    for amount in (QUICK, FULL):
        n_requests = amount.closed(concurrency)
        assert n_requests % concurrency == 0
        assert n_requests >= max(amount.least, concurrency)


def test_clips_differ_in_seed_and_prompt() -> None:
    made = [clips()(index) for index in range(50)]
    assert len({clip.prompt for clip in made}) == 50
    assert len({clip.seed for clip in made}) == 50


def test_a_curve_varies_what_it_is_named_after() -> None:
    by_key = {curve.key: curve for curve in CURVES}
    assert by_key["seconds"].clip(7).seconds == 7
    assert by_key["window"].clip(47).seconds == 47
    assert by_key["steps"].clip(50).steps == 50
    assert by_key["concurrency"].clip(8) == STANDARD


def test_every_layout_of_the_networks_uses_every_core_once() -> None:
    assert len({layout.workers * layout.threads for layout in layouts()}) == 1
