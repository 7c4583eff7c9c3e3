import pytest

from benchmarks.clips import Clip, clip


@pytest.mark.parametrize("repeats", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_the_share_of_repeats_is_exact_in_a_hundred(repeats: float) -> None:
    prompts = [clip(i, repeats=repeats).prompt for i in range(100)]
    unique = [prompt for prompt in prompts if prompts.count(prompt) == 1]
    assert 100 - len(unique) == round(100 * repeats)


def test_seeds_follow_the_index_and_the_rest_follows_the_example() -> None:
    made = clip(7, Clip("", 0, seconds=2.0, steps=3, guidance_scale=4.0))
    assert (made.seed, made.seconds, made.steps, made.guidance_scale) == (7, 2.0, 3, 4.0)
