"""Cards to compute with."""

import pytest

from tests.cards import FLOW_CARD, OPEN_CARD
from tritone.card import ModelCard


@pytest.fixture
def open_card() -> ModelCard:
    """A model with guidance and a fixed window."""
    return OPEN_CARD


@pytest.fixture
def flow_card() -> ModelCard:
    """A small rectified-flow model of variable length, without guidance."""
    return FLOW_CARD
