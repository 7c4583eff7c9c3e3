"""The shapes that plans are built for, and those that they are asked with."""

from dataclasses import replace
from typing import get_args

import pytest

from export.plan_verify import draw_inputs
from export.profiles import EngineOptions, Network, make_profile
from tests.cards import CODE_CARD, FLOW_CARD, GUIDED_SONG_CARD, OPEN_CARD, SONG_CARD, STARTER_LIKE
from tritone.card import ModelCard

CARDS = (
    OPEN_CARD,
    STARTER_LIKE,
    replace(STARTER_LIKE, max_frames=5, frame_bucket=5, default_seconds=0.2),
    FLOW_CARD,
    SONG_CARD,
    GUIDED_SONG_CARD,
    CODE_CARD,
)


@pytest.mark.parametrize("component", get_args(Network))
@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.name}-{card.max_frames}")
@pytest.mark.parametrize("max_batch", [1, 8])
def test_a_plan_is_checked_with_shapes_that_it_was_built_for(
    card: ModelCard, component: Network, max_batch: int
) -> None:
    options = EngineOptions(max_batch=max_batch)
    profile = make_profile(card, component, options)
    cases = list(draw_inputs(component, card, options))

    assert {len(next(iter(inputs.values()))) for inputs in cases} == {1, max_batch}
    for inputs in cases:
        assert inputs.keys() == profile.keys()
        for name, array in inputs.items():
            smallest, _, largest = profile[name]
            sizes = zip(smallest, array.shape, largest, strict=True)
            assert all(least <= size <= most for least, size, most in sizes), (name, array.shape)
