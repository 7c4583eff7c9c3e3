import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cards import OPEN_CARD
from tritone.card import ModelCard
from tritone.spans import find_span


def test_a_fixed_window_is_denoised_in_full_but_decoded_in_part(open_card: ModelCard) -> None:
    got = find_span(open_card, 0.0, 5.0)
    assert got.latent_frames == 1024
    assert (got.first_frame, got.last_frame) == (0, 108 + 9)
    assert (got.first_sample, got.n_samples) == (0, 220500)


def test_a_short_sound_costs_a_short_sound(flow_card: ModelCard) -> None:
    assert find_span(flow_card, 0.0, 1.0).latent_frames == 25
    assert find_span(flow_card, 0.0, 1.001).latent_frames == 50
    assert find_span(flow_card, 0.0, 15.0).latent_frames == 375


def test_float32_seconds_do_not_cost_another_bucket(flow_card: ModelCard) -> None:
    assert find_span(flow_card, 0.0, 1.00000001).latent_frames == 25


def test_an_offset_delivers_the_window_after_it(open_card: ModelCard) -> None:
    got = find_span(open_card, 10.0, 15.0)
    first = 10 * 44100 // 2048 - 9
    assert got.first_frame == first
    assert got.first_sample == 441000 - first * 2048
    assert got.n_samples == 220500


def test_the_whole_window_is_allowed(open_card: ModelCard) -> None:
    got = find_span(open_card, 0.0, open_card.window_seconds)
    assert got.n_samples == 1024 * 2048
    assert got.last_frame == 1024


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(0.0, 0.0, id="empty"),
        pytest.param(5.0, 4.0, id="backwards"),
        pytest.param(-1.0, 4.0, id="before-the-window"),
        pytest.param(0.0, 47.6, id="past-the-window"),
        pytest.param(0.0, float("nan"), id="nan"),
    ],
)
def test_spans_outside_the_window_are_refused(
    open_card: ModelCard, start: float, end: float
) -> None:
    with pytest.raises(ValueError, match="window of 47"):
        find_span(open_card, start, end)


@given(start=st.floats(0, 46), seconds=st.floats(1e-4, 47.5))
def test_what_is_delivered_lies_within_what_is_decoded(start: float, seconds: float) -> None:
    card = OPEN_CARD
    end = min(start + seconds, card.window_seconds)
    got = find_span(card, start, end)
    decoded = (got.last_frame - got.first_frame) * card.samples_per_frame
    assert 0 <= got.first_frame < got.last_frame <= got.latent_frames
    assert got.first_sample >= 0
    assert got.first_sample + got.n_samples <= decoded
    assert abs(got.n_samples - (end - start) * card.sample_rate) <= 1.01
