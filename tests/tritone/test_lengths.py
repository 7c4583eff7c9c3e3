"""Which lengths a GPU gets to see."""

from dataclasses import replace

import pytest

from backends.denoiser.job import Rounding
from tests.cards import FLOW_CARD, OPEN_CARD, SONG_CARD, STARTER_LIKE
from tritone.card import ModelCard
from tritone.lengths import find_decode_bucket, list_decoded_lengths, list_step_lengths
from tritone.spans import find_span

CARDS = [OPEN_CARD, STARTER_LIKE, FLOW_CARD, replace(STARTER_LIKE, default_seconds=2.5)]


@pytest.mark.parametrize("card", CARDS)
def test_a_fingerprint_has_the_very_length_that_it_has_on_a_cpu(card: ModelCard) -> None:
    asked = find_span(card, 0.0, card.default_seconds)
    on_gpu = Rounding(list_step_lengths(card), find_decode_bucket(card)).round_up(asked)
    assert on_gpu.latent_frames == asked.latent_frames
    delivered = ("first_frame", "last_frame", "first_sample", "n_samples")
    assert [getattr(on_gpu, each) for each in delivered] == [
        getattr(asked, each) for each in delivered
    ]


@pytest.mark.parametrize("card", CARDS)
def test_every_sound_from_its_beginning_is_decoded_in_one_of_few_lengths(card: ModelCard) -> None:
    known = list_decoded_lengths(card)
    assert len(known) <= 12
    rounding = Rounding(list_step_lengths(card), find_decode_bucket(card))
    for tenths in range(1, int(10 * card.window_seconds) + 1):
        assert rounding.round_up(find_span(card, 0.0, tenths / 10)).decoded_frames in known


def test_songs_of_equal_loudness_are_decoded_as_long_as_they_are() -> None:
    assert find_decode_bucket(SONG_CARD) == 1
    assert list_decoded_lengths(SONG_CARD) == ()


def test_lengths_of_a_model_of_one_window() -> None:
    assert list_step_lengths(OPEN_CARD) == (OPEN_CARD.max_frames,)
    assert len(list_decoded_lengths(OPEN_CARD)) == 8
