from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.contracts.kit.composition import MusicalBody, compose, scale_guidance
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
        pytest.param("pop", {"bpm": 120}, "pop, 120 BPM", id="bpm"),
        pytest.param("pop", {"keyscale": "Ab major"}, "pop, in Ab major", id="key"),
        pytest.param("pop", {"timesignature": "4"}, "pop, 4/4 time", id="four"),
        pytest.param("pop", {"timesignature": "6"}, "pop, 6/8 time", id="six"),
        pytest.param("pop", {"timesignature": "7/8"}, "pop, 7/8 time", id="spelt-out"),
        pytest.param("pop", {"keyscale": " ", "timesignature": ""}, "pop", id="blank-fields"),
        pytest.param(
            "upbeat pop",
            {
                "caption": "A funky disco track",
                "bpm": 120,
                "keyscale": "Ab major",
                "timesignature": "4",
            },
            "A funky disco track, upbeat pop, 120 BPM, in Ab major, 4/4 time",
            id="everything",
        ),
    ],
)
def test_musical_fields_become_words(
    text: str | None, music: dict[str, object], prompt: str
) -> None:
    composition = compose(text, MusicalBody.model_validate(music))
    assert composition.prompt == prompt
    assert composition.notes == ()


@pytest.mark.parametrize(
    ("music", "note"),
    [
        ({"lyrics": "la la"}, "lyrics ignored: the model does not sing"),
        ({"lyrics": "la la", "instrumental": False}, "lyrics ignored: the model does not sing"),
        ({"instrumental": False}, "vocals ignored: the model does not sing"),
        ({"vocal_language": "bn"}, "vocals ignored: the model does not sing"),
        ({"think": True}, "think ignored: the model does not plan"),
        ({"do_sample": False}, "do_sample ignored: the model has no such choice"),
    ],
)
def test_what_a_model_cannot_sing_is_left_out_and_said(music: dict[str, object], note: str) -> None:
    composition = compose("a song", MusicalBody.model_validate(music))
    assert composition.prompt == "a song"
    assert composition.notes == (note,)


@pytest.mark.parametrize("music", [{"instrumental": True}, {"language": "en"}, {"lyrics": " \n"}])
def test_nothing_is_said_where_nothing_is_lost(music: dict[str, object]) -> None:
    assert compose("a song", MusicalBody.model_validate(music)).notes == ()


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
