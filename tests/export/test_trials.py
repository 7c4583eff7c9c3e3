"""What the end-to-end run is made of."""

from dataclasses import replace

import pytest

from export.trials import (
    MIN_GUIDANCE_SCALE,
    NEGATIVE_PROMPT,
    STRENGTH_OF_TRIAL,
    diffusers_card,
    make_trial,
)
from tests.cards import CODE_CARD, GUIDED_SONG_CARD
from tritone.audio_codes import parse_codes
from tritone.card import ModelCard

pytestmark = pytest.mark.export


def test_there_is_a_negative_prompt_only_with_guidance(card: ModelCard) -> None:
    guided = make_trial(card)
    plain = make_trial(replace(card, guidance=False, default_guidance_scale=1.0))

    assert guided.negative_prompts == ("", "", NEGATIVE_PROMPT)
    assert plain.negative_prompts == ("", "")
    assert guided.prompts[0] == guided.prompts[2] != guided.prompts[1]
    assert (guided.guidance_scale, plain.guidance_scale) == (5.0, 1.0)


def test_guidance_is_tried_although_the_default_is_none(card: ModelCard) -> None:
    trial = make_trial(replace(card, default_guidance_scale=1.0))

    assert trial.guidance_scale == MIN_GUIDANCE_SCALE


def test_long_windows_and_many_steps_are_cut(card: ModelCard) -> None:
    trial = make_trial(replace(card, max_frames=4000, frame_bucket=4000, default_steps=100))

    assert (trial.latent_frames, trial.steps) == (256, 4)


def test_the_solver_is_the_one_that_diffusers_has(card: ModelCard) -> None:
    ode = replace(card, schedule=replace(card.schedule, eta=0.0))

    assert diffusers_card(ode) == card


def test_only_the_last_song_follows_codes_which_fill_it() -> None:
    trial = make_trial(CODE_CARD)
    first, _, last = trial.list_controls()

    codes = parse_codes(str(last["audio_codes"]), known=64_000, most=3000)

    assert len(codes) * 5 == trial.latent_frames
    assert (codes[0], codes[-1]) == (0, 63_999)
    assert last["strength"] == STRENGTH_OF_TRIAL
    assert not {"audio_codes", "strength"} & first.keys()
    assert trial.prompts[0] == trial.prompts[2]


def test_a_guided_song_has_no_negative_prompt() -> None:
    trial = make_trial(GUIDED_SONG_CARD)

    assert trial.negative_prompts == ("", "")
    assert trial.guidance_scale == 7.0
