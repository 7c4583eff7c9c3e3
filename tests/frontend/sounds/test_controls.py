from dataclasses import replace

import pytest

from frontend.errors import InvalidRequest
from frontend.sounds.controls import apply_controls
from tests.cards import CODE_CARD, SONG_CARD
from tritone.card import ModelCard
from tritone.controls import Controls, ControlValue


def test_what_the_model_takes_natively_is_said_nowhere_else() -> None:
    asked: Controls = {"lyrics": "la la", "bpm": 120, "keyscale": "C major", "instrumental": False}
    applied = apply_controls("pop", asked, SONG_CARD)
    assert (applied.prompt, applied.native, applied.notes) == ("pop", asked, ())


def test_what_has_words_is_put_before_the_prompt_which_may_be_cut(card: ModelCard) -> None:
    asked: Controls = {"bpm": 120, "keyscale": "Ab major", "timesignature": "4"}
    applied = apply_controls("upbeat pop", asked, card)
    assert applied.prompt == "120 BPM, in Ab major, 4/4 time, upbeat pop"
    assert applied.native == {}
    assert applied.notes == ("put into words: bpm, keyscale, timesignature",)


def test_what_has_neither_an_input_nor_words_is_left_out(card: ModelCard) -> None:
    asked: Controls = {"lyrics": "la la", "vocal_language": "ja", "instrumental": False}
    applied = apply_controls("pop", asked, card)
    assert (applied.prompt, applied.native) == ("pop", {})
    assert applied.notes == ("left out: lyrics, vocal_language, instrumental",)


def test_one_request_is_partly_native_partly_words_partly_left_out(card: ModelCard) -> None:
    asked: Controls = {"lyrics": "la", "keyscale": "C major", "negative_prompt": "drums"}
    applied = apply_controls("pop", asked, replace(card, guidance=True))
    assert (applied.prompt, applied.native) == ("in C major, pop", {"negative_prompt": "drums"})
    assert applied.notes == ("put into words: keyscale", "left out: lyrics")


def test_a_negative_prompt_is_native_where_there_is_guidance(card: ModelCard) -> None:
    asked: Controls = {"negative_prompt": "wind"}
    assert apply_controls("rain", asked, replace(card, guidance=True)).native == asked
    bare = apply_controls("rain", asked, replace(card, guidance=False))
    assert (bare.native, bare.notes) == ({}, ("left out: negative_prompt",))


@pytest.mark.parametrize("asked", [{}, {"instrumental": True}, {"lyrics": " \n", "keyscale": ""}])
def test_nothing_is_said_where_nothing_is_lost(asked: Controls, card: ModelCard) -> None:
    applied = apply_controls("rain", asked, card)
    assert (applied.prompt, applied.native, applied.notes) == ("rain", {}, ())


@pytest.mark.parametrize(
    ("signature", "words"), [("4", "4/4 time"), ("6", "6/8 time"), (" 7/8 ", "7/8 time")]
)
def test_a_number_of_beats_is_spelt_out(signature: str, words: str, card: ModelCard) -> None:
    assert apply_controls("pop", {"timesignature": signature}, card).prompt == f"{words}, pop"


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        pytest.param({"lyrics": "a" * 4097}, "too_long", id="long"),
        pytest.param({"bpm": 29}, "below_minimum", id="slow"),
        pytest.param({"bpm": 301}, "above_maximum", id="fast"),
        pytest.param({"lyrics": "\ud800"}, "not_unicode", id="surrogate"),
        pytest.param({"bpm": True}, None, id="no-number"),
        pytest.param({"keyscale": 3}, None, id="no-text"),
    ],
)
def test_a_control_outside_its_bounds_or_type_is_refused(asked: Controls, kind: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        apply_controls("pop", asked, SONG_CARD)
    assert refused.value.field == next(iter(asked))
    assert kind is None or refused.value.kind == kind


def test_a_text_may_have_rules_of_its_own() -> None:
    asked: Controls = {"audio_codes": "<|audio_code_7|>"}
    assert apply_controls("pop", asked, CODE_CARD).native == asked
    with pytest.raises(InvalidRequest, match="character 1 is something else") as caught:
        apply_controls("pop", {"audio_codes": "la"}, CODE_CARD)
    assert caught.value.field == "audio_codes"
    assert apply_controls("pop", {"audio_codes": "la"}, SONG_CARD).notes == (
        "left out: audio_codes",
    )


def test_strength_has_no_meaning_where_nothing_is_followed() -> None:
    codes: Controls = {"audio_codes": "<|audio_code_7|>", "strength": 0.5}
    assert apply_controls("pop", codes, CODE_CARD).native == codes
    for card, asked in ((CODE_CARD, {"strength": 0.5}), (SONG_CARD, codes)):
        applied = apply_controls("pop", asked, card)
        assert applied.native == {}
        assert applied.notes == (f"left out: {', '.join(asked)}",)


@pytest.mark.parametrize("strength", [1, 0, 0.5])
def test_a_fraction_may_be_whole(strength: float) -> None:
    asked: Controls = {"audio_codes": "<|audio_code_7|>", "strength": strength}
    assert apply_controls("pop", asked, CODE_CARD).native == asked


@pytest.mark.parametrize("strength", [1.5, -0.1, True, "full"])
def test_a_strength_is_a_fraction(strength: ControlValue) -> None:
    asked: Controls = {"audio_codes": "<|audio_code_7|>", "strength": strength}
    with pytest.raises(InvalidRequest) as caught:
        apply_controls("pop", asked, CODE_CARD)
    assert caught.value.field == "strength"
