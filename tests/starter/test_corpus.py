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
        assert clip.stereo.shape == (2, len(clip.mono))
        for wave in (clip.mono, clip.stereo):
            assert np.isfinite(wave).all()
            assert np.abs(wave).max() <= 1.0
            assert not is_silent(wave.astype(np.float32))
    assert len({len(clip.mono) for clip in clips}) > 1


def test_the_two_channels_differ_and_their_middle_is_the_mono_sound() -> None:
    for name in ("rain", "kick"):
        clip = make_clip(Wanted((name,), 1), RECIPE.corpus)
        middle = clip.stereo.mean(0)
        scale = float(middle @ clip.mono / (clip.mono @ clip.mono))
        assert np.allclose(middle, scale * clip.mono, atol=1e-6)
        assert np.abs(clip.stereo[0] - clip.stereo[1]).max() > 1e-3


def test_rain_is_wider_than_a_kick_drum() -> None:
    def likeness(name: str) -> float:
        clips = [make_clip(Wanted((name,), seed), RECIPE.corpus) for seed in range(4)]
        return float(np.mean([np.corrcoef(clip.stereo)[0, 1] for clip in clips]))

    assert likeness("rain") < likeness("kick") - 0.1


def test_a_seed_gives_the_same_clip_and_another_seed_another() -> None:
    one, again = (make_clip(Wanted(("rain",), 11), RECIPE.corpus) for _ in range(2))
    other = make_clip(Wanted(("rain",), 12), RECIPE.corpus)
    assert one.captions == again.captions
    assert np.array_equal(one.stereo, again.stereo)
    assert not np.array_equal(one.mono[:1000], other.mono[:1000])


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
