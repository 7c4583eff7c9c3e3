from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.contracts.kit.musical_fields import MusicalBody, compose, scale_guidance
from tritone.card import ModelCard


@pytest.mark.parametrize(
    ("text", "music", "prompt"),
    [
        pytest.param("rain", {}, "rain", id="text"),
        pytest.param("  rain ", {}, "rain", id="trimmed"),
        pytest.param(None, {"caption": "disco"}, "disco", id="caption"),
        pytest.param(" ", {"caption": "disco"}, "disco", id="caption-and-blank-text"),
        pytest.param("pop", {"caption": "disco"}, "disco, pop", id="caption-first"),
        pytest.param("pop", {"caption": "pop"}, "pop", id="said-once"),
    ],
)
def test_caption_and_text_are_one_prompt(
    text: str | None, music: dict[str, object], prompt: str
) -> None:
    assert compose(text, MusicalBody.model_validate(music)).prompt == prompt


def test_the_other_fields_are_controls() -> None:
    music = {
        **{"lyrics": "la la", "instrumental": False, "bpm": 120, "keyscale": "Ab major"},
        **{"timesignature": "4", "vocal_language": "bn"},
    }
    assert compose("pop", MusicalBody.model_validate(music)).controls == music


def test_language_wins_over_vocal_language() -> None:
    music = MusicalBody(language="ja", vocal_language="bn")
    assert compose("pop", music).controls == {"vocal_language": "ja"}


@pytest.mark.parametrize(
    ("music", "note"),
    [
        ({"think": True}, "think ignored: the model does not plan"),
        ({"do_sample": False}, "do_sample ignored: the model has no such choice"),
    ],
)
def test_what_has_no_effect_on_any_model_is_said(music: dict[str, object], note: str) -> None:
    assert compose("a song", MusicalBody.model_validate(music)).notes == (note,)


@pytest.mark.parametrize(
    ("influence", "scale"),
    [(None, None), (0.3, None), (0.0, 1.0), (0.15, 3.0), (0.65, 7.5), (1.0, 10.0)],
)
def test_influence_runs_from_no_guidance_through_the_default_to_twice_the_default(
    influence: float | None, scale: float | None, card: ModelCard
) -> None:
    found = scale_guidance(influence, replace(card, default_guidance_scale=5.0))
    assert found == (scale if scale is None else pytest.approx(scale))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, 20))
def test_more_influence_is_never_less_guidance(one: float, other: float, default: float) -> None:
    card = ModelCard.__new__(ModelCard)
    object.__setattr__(card, "default_guidance_scale", default)
    low, high = (scale_guidance(each, card) for each in sorted((one, other)))
    low, high = (default if each is None else each for each in (low, high))
    assert 1.0 <= low <= high * (1 + 1e-12)
