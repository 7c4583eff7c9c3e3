"""What is chosen, what the checkpoint says, and what contradicts what."""

from dataclasses import replace
from typing import Any

import pytest

from export.cards import Choices, Facts, make_card
from export.errors import InvalidOption
from tritone.card import ModelCard, ScheduleSettings
from tritone.families import FAMILIES

FACTS = Facts(
    sample_rate=16000,
    audio_channels=2,
    samples_per_frame=512,
    latent_channels=8,
    max_frames=128,
    prompt_tokens=32,
    conditioning_tokens=34,
    conditioning_dim=32,
    global_dim=64,
    schedule=ScheduleSettings(sigma_min=0.1),
    steps=100,
    guidance_scale=7.0,
    is_variable_length=False,
)
NAN = float("nan")


def card_of(
    family: str = "stable_audio",
    facts: Facts = FACTS,
    **choices: Any,  # noqa: ANN401
) -> ModelCard:
    return make_card("tiny", FAMILIES[family], facts, Choices(**choices))


def test_without_choices_the_checkpoint_decides() -> None:
    card = card_of()

    assert (card.default_steps, card.default_guidance_scale) == (100, 7.0)
    assert card.schedule == FACTS.schedule
    assert card.guidance
    assert not card.extendable
    assert card.frame_bucket == card.max_frames  # always the whole window
    assert card.default_seconds == pytest.approx(4.096)  # the window is shorter than 10 s


def test_choices_win() -> None:
    card = card_of(steps=20, guidance_scale=3, seconds=2, eta=0, extendable=True, frame_bucket=16)

    assert (card.default_steps, card.default_guidance_scale, card.default_seconds) == (20, 3.0, 2.0)
    assert (card.schedule.eta, card.schedule.sigma_min) == (0.0, 0.1)
    assert card.extendable
    assert card.frame_bucket == 16


def test_options_of_the_command_line_win_over_those_of_the_checkpoint() -> None:
    defaults = Choices.from_defaults({"steps": 8, "eta": 0, "extendable": True})

    assert Choices(steps=20, extendable=False).over(defaults) == Choices(
        steps=20, eta=0, extendable=False
    )


def test_options_win_over_defaults_that_contradict_them() -> None:
    defaults = Choices.from_defaults({"guidance_scale": 7.0, "frame_bucket": 16})

    chosen = Choices(guidance=False, variable_length=False).over(defaults)

    assert chosen == Choices(guidance=False, variable_length=False)


@pytest.mark.parametrize(
    ("variable", "bucket", "is_variable_length", "expected"),
    [
        pytest.param(None, None, False, 128, id="whole-window"),
        pytest.param(True, None, False, 32, id="usual-bucket"),
        pytest.param(None, 8, False, 8, id="a-bucket-implies-variable"),
        pytest.param(None, None, True, 32, id="trained-on-any-length"),
        pytest.param(False, None, True, 128, id="whole-window-by-choice"),
    ],
)
def test_the_frame_bucket(
    variable: bool | None, bucket: int | None, is_variable_length: bool, expected: int
) -> None:
    facts = replace(FACTS, is_variable_length=is_variable_length)

    card = card_of(facts=facts, variable_length=variable, frame_bucket=bucket)

    assert card.frame_bucket == expected


def test_steps_are_guided_at_chosen_noise_levels_only() -> None:
    assert card_of().schedule.guidance_max_sigma is None
    chosen = card_of(guidance_min_sigma=2, guidance_max_sigma=18.0).schedule
    assert (chosen.guidance_min_sigma, chosen.guidance_max_sigma) == (2, 18.0)


def test_a_guidance_scale_of_one_means_no_guidance() -> None:
    assert not card_of(guidance_scale=1.0).guidance
    assert not card_of(facts=replace(FACTS, guidance_scale=1.0)).guidance


def test_guidance_can_be_served_although_the_default_is_none() -> None:
    card = card_of(guidance=True, guidance_scale=1.0)

    assert card.guidance
    assert card.default_guidance_scale == 1.0


def test_without_guidance_the_checkpoints_own_scale_is_forgotten() -> None:
    card = card_of(guidance=False)

    assert not card.guidance
    assert card.default_guidance_scale == 1.0


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"steps": 0}, "steps must lie between 1 and 1000"),
        ({"guidance_scale": -1.0}, "guidance scale"),
        ({"guidance_scale": NAN}, "guidance scale"),
        ({"guidance_min_sigma": -1.0}, "noise levels"),
        ({"guidance_min_sigma": NAN}, "noise levels"),
        ({"guidance_min_sigma": 3.0, "guidance_max_sigma": 2.0}, "noise levels"),
        ({"guidance_max_sigma": 0.0}, "noise levels"),
        ({"seconds": 5.0}, r"seconds must lie between 0.1 and 4.096"),
        ({"seconds": float("inf")}, "seconds"),
        ({"eta": 1.5}, "eta"),
        ({"frame_bucket": 0}, "frame bucket"),
        ({"frame_bucket": 129}, "frame bucket"),
        ({"guidance": False, "guidance_scale": 4.0}, "contradiction"),
        ({"variable_length": False, "frame_bucket": 16}, "contradiction"),
    ],
)
def test_bad_choices_get_one_sentence(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        card_of(**choices)


def test_eta_belongs_to_one_family() -> None:
    with pytest.raises(InvalidOption, match="no meaning for a StableAudio3Pipeline"):
        card_of("stable_audio_3", eta=0.0)


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "../x", 'x"', "ü", "x" * 65])
def test_a_name_must_be_one_that_every_part_of_the_system_can_spell(name: str) -> None:
    with pytest.raises(InvalidOption, match="--name"):
        make_card(name, FAMILIES["stable_audio"], FACTS, Choices())


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ({"tempo": 3}, "says 'tempo'; known are eta, extendable"),
        ({"steps": "20"}, "steps must be a number"),
        ({"steps": None}, "steps must be a number"),
        ({"prompts": "rain"}, "prompts must be a list"),
        ({"prompts": ["rain", 3]}, "prompts must be a list"),
    ],
)
def test_wrong_generation_defaults_get_one_sentence(defaults: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        Choices.from_defaults(defaults)


def test_a_checkpoint_says_what_it_makes_well() -> None:
    defaults = Choices.from_defaults({"prompts": ["rain", "a bell"]})
    card = make_card("x", FAMILIES["stable_audio"], FACTS, Choices().over(defaults))
    assert card.prompts == ("rain", "a bell")
    assert type(card).from_json(card.to_json()) == card


def test_guidance_that_is_baked_in_has_no_other_beside_it() -> None:
    facts = replace(FACTS, may_be_guided=False, guidance_scale=1.0)
    assert not card_of(facts=facts).guidance
    for asked in ({"guidance": True}, {"guidance_scale": 3.0}):
        with pytest.raises(InvalidOption, match="baked in"):
            card_of(facts=facts, **asked)
