import json
from dataclasses import replace

import pytest

from tests.cards import CODE_CARD
from tritone.card import InvalidCard, ModelCard, component_name
from tritone.noise import COUNTER, SEQUENCE


def test_a_card_survives_the_journey_through_json(open_card: ModelCard) -> None:
    assert ModelCard.from_json(open_card.to_json()) == open_card


def test_a_card_of_before_keeps_its_noise_and_its_text(open_card: ModelCard) -> None:
    assert open_card.noise == SEQUENCE
    assert "noise" not in json.loads(open_card.to_json())
    by_element = replace(open_card, noise=COUNTER)
    assert ModelCard.from_json(by_element.to_json()) == by_element


def test_noise_that_this_release_cannot_make_is_refused(open_card: ModelCard) -> None:
    fields = json.loads(open_card.to_json()) | {"noise": "pink"}
    with pytest.raises(InvalidCard, match="unknown noise 'pink'"):
        ModelCard.from_json(json.dumps(fields))


def test_a_card_says_of_audio_codes_only_where_there_are_some(open_card: ModelCard) -> None:
    assert "code" not in open_card.to_json()  # as releases before wrote it, and read it
    assert ModelCard.from_json(CODE_CARD.to_json()) == CODE_CARD


def test_the_window_follows_from_frames_and_rate(open_card: ModelCard) -> None:
    assert open_card.window_seconds == pytest.approx(47.554, abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="broken-json"),
        pytest.param("[]", id="not-an-object"),
        pytest.param('{"name": "x"}', id="missing-fields"),
    ],
)
def test_what_is_no_card_is_refused(text: str) -> None:
    with pytest.raises(InvalidCard):
        ModelCard.from_json(text)


def test_an_unknown_family_is_refused_by_name(open_card: ModelCard) -> None:
    fields = json.loads(open_card.to_json()) | {"family": "whistle"}
    with pytest.raises(InvalidCard, match="whistle"):
        ModelCard.from_json(json.dumps(fields))


def test_a_field_of_a_later_release_is_refused(open_card: ModelCard) -> None:
    fields = json.loads(open_card.to_json()) | {"smell": "rain"}
    with pytest.raises(InvalidCard, match="smell"):
        ModelCard.from_json(json.dumps(fields))


def test_components_are_named_after_the_model() -> None:
    assert component_name("starter", "denoiser") == "starter_denoiser"
