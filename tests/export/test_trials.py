"""What the end-to-end run is made of."""

from dataclasses import replace

import pytest

from export.trials import MIN_GUIDANCE_SCALE, NEGATIVE_PROMPT, diffusers_card, make_trial
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
