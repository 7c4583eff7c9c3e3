import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.errors import InvalidRequest, RequestTooLarge
from frontend.sounds.plan import MAX_SEGMENTS, Limits, Plan, make_plan
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard, ScheduleSettings

LIMITS = Limits(max_prompt_chars=100, max_seconds=600.0)


def plan(card: ModelCard, **asked: Any) -> Plan:  # noqa: ANN401
    return make_plan(GenerationRequest(**{"prompt": "rain", **asked}), card, LIMITS)


def test_what_is_not_asked_is_the_models_default(card: ModelCard) -> None:
    (only,) = plan(card).passes
    assert (only.steps, only.guidance_scale) == (20, 5.0)
    assert (only.seconds_start, only.seconds_end) == (0.0, 5.0)
    assert only.controls == {}
    assert 0 <= only.seed < 1 << 32


def test_a_seed_is_drawn_for_each_request(card: ModelCard) -> None:
    assert plan(card).passes[0].seed != plan(card).passes[0].seed


def test_what_is_asked_is_done(card: ModelCard) -> None:
    asked = plan(
        card,
        negative_prompt="wind",
        seconds=2.5,
        seconds_start=1.5,
        steps=7,
        guidance_scale=0.0,
        seed=-5,
    )
    (only,) = asked.passes
    assert (only.prompt, only.controls) == ("rain", {"negative_prompt": "wind"})
    assert (only.seconds_start, only.seconds_end) == (1.5, 4.0)
    assert (only.steps, only.guidance_scale, only.seed) == (7, 0.0, -5)
    assert asked.n_samples == 40_000
    assert asked.notes == ()


@pytest.mark.parametrize(
    ("asked", "field", "kind"),
    [
        pytest.param({"prompt": ""}, "prompt", "invalid", id="empty"),
        pytest.param({"prompt": " \n\t\u2003"}, "prompt", "invalid", id="blank"),
        pytest.param({"prompt": "a\0b"}, "prompt", "invalid", id="nul"),
        pytest.param({"prompt": "\ud800"}, "prompt", "not_unicode", id="surrogate"),
        pytest.param({"prompt": "a" * 101}, "prompt", "too_long", id="long"),
        pytest.param(
            {"negative_prompt": "\udfff"}, "negative_prompt", "not_unicode", id="negative"
        ),
        pytest.param(
            {"negative_prompt": "a" * 101}, "negative_prompt", "too_long", id="long-negative"
        ),
        pytest.param({"steps": 0}, "steps", "below_minimum", id="no-steps"),
        pytest.param({"steps": 1001}, "steps", "above_maximum", id="steps"),
        pytest.param({"guidance_scale": -1.0}, "guidance_scale", "below_minimum", id="guid-"),
        pytest.param({"guidance_scale": 1001.0}, "guidance_scale", "above_maximum", id="guid+"),
        pytest.param({"guidance_scale": math.nan}, "guidance_scale", "not_finite", id="nan"),
        pytest.param({"seed": 2**63}, "seed", "above_maximum", id="seed+"),
        pytest.param({"seed": -(2**63) - 1}, "seed", "below_minimum", id="seed-"),
        pytest.param({"seconds": 0.0}, "seconds", "not_above_minimum", id="no-seconds"),
        pytest.param({"seconds": -1.0}, "seconds", "below_minimum", id="seconds-"),
        pytest.param({"seconds": math.inf}, "seconds", "not_finite", id="infinite"),
        pytest.param({"seconds": 1e-60}, "seconds", "not_above_minimum", id="denormal"),
        pytest.param({"seconds": 600.1}, "seconds", "above_maximum", id="too-many-seconds"),
        pytest.param(
            {"seconds_start": 9.0, "seconds": 1e-7}, "seconds", "not_above_minimum", id="vanishing"
        ),
        pytest.param({"seconds_start": -0.5}, "seconds_start", "below_minimum", id="start-"),
        pytest.param({"seconds_start": math.nan}, "seconds_start", "not_finite", id="start-nan"),
        pytest.param({"seconds_start": 10.0}, "seconds_start", "above_maximum", id="start-late"),
        pytest.param(
            {"seconds_start": 6.0, "seconds": 5.0}, "seconds", "above_maximum", id="end-late"
        ),
        pytest.param({"timeout_s": 0.0}, "timeout_s", "not_above_minimum", id="no-time"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    card: ModelCard, asked: dict[str, Any], field: str, kind: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan(card, **asked)
    assert (caught.value.field, caught.value.kind) == (field, kind)


def test_a_prompt_over_its_limit_is_too_large(card: ModelCard) -> None:
    with pytest.raises(RequestTooLarge, match="at most 100 characters"):
        plan(card, prompt="a" * 101)


@pytest.mark.parametrize("seconds", [10.0, 0.0001, 1 / 3])
def test_the_limits_themselves_are_allowed(card: ModelCard, seconds: float) -> None:
    asked = plan(card, seconds=seconds, steps=1000, guidance_scale=1000.0, seed=2**63 - 1)
    assert asked.n_samples == max(1, round(seconds * 16_000))


def test_a_start_without_a_length_takes_what_is_left(card: ModelCard) -> None:
    (only,) = plan(card, seconds_start=8.0).passes
    assert (only.seconds_start, only.seconds_end) == (8.0, 10.0)


def test_a_model_without_guidance_says_what_it_ignores(card: ModelCard) -> None:
    bare = replace(card, guidance=False, default_guidance_scale=1.0)
    asked = plan(bare, negative_prompt="wind", guidance_scale=7.0)
    assert asked.passes[0].controls == {}
    assert asked.passes[0].guidance_scale == 1.0
    assert asked.notes == ("left out: negative_prompt", "guidance_scale ignored")
    assert plan(bare, negative_prompt=" ", guidance_scale=1.0).notes == ()


def test_a_loop_is_made_longer_by_its_fade(card: ModelCard) -> None:
    asked = plan(card, seconds=5.0, loop=True)
    assert asked.passes[0].seconds_end == 5.5
    assert (asked.raw_samples, asked.n_samples) == (88_000, 80_000)


def test_a_tiny_loop_has_a_tiny_fade(card: ModelCard) -> None:
    asked = plan(card, seconds=0.1, loop=True)
    assert asked.raw_samples == 2 * asked.n_samples


def test_a_loop_that_fills_the_window_of_a_fixed_model_is_shortened(card: ModelCard) -> None:
    fixed = replace(card, extendable=False)
    asked = plan(fixed, seconds=10.0, loop=True)
    assert len(asked.passes) == 1
    assert asked.n_samples == round(9.95 * 16_000)
    assert asked.notes == ("loop shortened",)
    exact = plan(fixed, seconds=9.8, loop=True)
    assert exact.n_samples == round(9.8 * 16_000)
    assert exact.notes == ()


def test_a_loop_that_fills_the_window_is_extended_where_that_is_allowed(card: ModelCard) -> None:
    asked = plan(card, seconds=10.0, loop=True)
    assert len(asked.passes) == 2
    assert asked.n_samples == 160_000


def test_a_little_past_the_window_takes_two_short_passes(card: ModelCard) -> None:
    asked = plan(card, seconds=12.0, seed=7)
    assert [each.seed for each in asked.passes] == [7, 8]
    assert asked.passes[0].seconds_end == pytest.approx(6.5, abs=1e-3)
    assert asked.notes == ("extended",)


def test_far_past_the_window_is_repeated(card: ModelCard) -> None:
    asked = plan(card, seconds=225.0)
    assert len(asked.passes) == MAX_SEGMENTS
    assert {each.seconds_end for each in asked.passes} == {10.0}
    assert asked.notes == ("extended", "looped")


def test_the_seeds_of_segments_stay_within_int64(card: ModelCard) -> None:
    asked = plan(card, seconds=12.0, seed=2**63 - 1)
    assert [each.seed for each in asked.passes] == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        pytest.param({"extendable": False}, {"seconds": 10.1}, id="model"),
        pytest.param({}, {"seconds": 10.1, "may_extend": False}, id="request"),
        pytest.param({}, {"seconds": 10.1, "seconds_start": 0.1}, id="start"),
    ],
)
def test_without_extension_the_window_is_the_limit(
    card: ModelCard, changes: dict[str, Any], asked: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest, match="10 seconds that the model `starter`"):
        plan(replace(card, **changes), **asked)


def wide(max_frames: int, samples_per_frame: int, sample_rate: int) -> ModelCard:
    return ModelCard(
        name="wide",
        family="stable_audio",
        sample_rate=sample_rate,
        audio_channels=2,
        samples_per_frame=samples_per_frame,
        latent_channels=8,
        max_frames=max_frames,
        frame_bucket=1,
        prompt_tokens=8,
        conditioning_tokens=8,
        conditioning_dim=8,
        global_dim=8,
        guidance=True,
        default_steps=8,
        default_guidance_scale=1.0,
        default_seconds=10.0,
        extendable=True,
        schedule=ScheduleSettings(),
    )


@given(
    start=st.floats(0.0, 400.0),
    seconds=st.floats(0.0, 700.0),
    loop=st.booleans(),
    window=st.sampled_from([(1024, 2048, 44_100), (4096, 4096, 44_100), (250, 640, 16_000)]),
)
def test_every_plan_is_one_that_the_backends_accept(
    *, start: float, seconds: float, loop: bool, window: tuple[int, int, int]
) -> None:
    card = wide(*window)
    try:
        asked = plan(card, seconds_start=start, seconds=seconds, loop=loop)
    except InvalidRequest:
        return
    for each in asked.passes:
        # Exactly what arrives in the backends' float32 tensors, so both compute the same span.
        assert float(np.float32(each.seconds_start)) == each.seconds_start
        assert float(np.float32(each.seconds_end)) == each.seconds_end
        assert each.span.last_frame <= card.max_frames
    raw = sum(each.span.n_samples - asked.crossfade_samples for each in asked.passes)
    if len(asked.passes) > 1 and "looped" not in asked.notes:
        assert raw + asked.crossfade_samples >= asked.raw_samples
