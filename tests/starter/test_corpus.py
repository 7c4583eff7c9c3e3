"""The procedural corpus: repeatable, audible, varied, and captions that never leak."""

import numpy as np
import pytest

from starter.corpus.cache import CorpusCache
from starter.corpus.captions import all_training_captions, wordings
from starter.corpus.clips import Wanted, make_clip
from starter.corpus.kinds import KINDS
from starter.measures import is_silent
from starter.recipe import RECIPE


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_finite_audible_and_in_range(name: str) -> None:
    clips = [make_clip(Wanted((name,), seed), RECIPE.corpus) for seed in (1, 2, 3)]
    for clip in clips:
        assert np.isfinite(clip.wave).all()
        assert np.abs(clip.wave).max() <= 1.0
        assert not is_silent(clip.wave.astype(np.float32))
    assert len({len(clip.wave) for clip in clips}) > 1


def test_a_seed_gives_the_same_clip_and_another_seed_another() -> None:
    one, again = (make_clip(Wanted(("rain",), 11), RECIPE.corpus) for _ in range(2))
    other = make_clip(Wanted(("rain",), 12), RECIPE.corpus)
    assert one.captions == again.captions
    assert np.array_equal(one.wave, again.wave)
    assert not np.array_equal(one.wave[:1000], other.wave[:1000])


def test_durations_stay_between_the_shortest_and_the_longest() -> None:
    seconds = [make_clip(Wanted(("beep",), seed), RECIPE.corpus).seconds for seed in range(60)]
    assert min(seconds) >= RECIPE.corpus.shortest_seconds
    assert max(seconds) <= RECIPE.corpus.longest_seconds
    assert 2.0 < float(np.median(seconds)) < 6.0


def test_there_are_at_least_24_kinds_with_30_wordings_each() -> None:
    assert len(KINDS) >= 24
    assert min(len(wordings(kind, held_out=False)) for kind in KINDS.values()) >= 30


def test_held_out_wordings_are_never_trained_on(cache: CorpusCache) -> None:
    held_out = {w for kind in KINDS.values() for w in wordings(kind, held_out=True)}
    drawn = {caption for entry in cache.entries for caption in entry.captions}
    assert held_out
    assert not held_out & set(all_training_captions())
    assert not held_out & drawn


def test_mixtures_name_both_sounds() -> None:
    clip = make_clip(Wanted(("dog", "rain"), 4), RECIPE.corpus)
    for name in clip.kinds:
        assert any(phrase in clip.captions[0] for phrase in KINDS[name].phrases)
