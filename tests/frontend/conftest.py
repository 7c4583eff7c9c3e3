import pytest

from frontend.triton.gateway import Pass
from tritone.card import ModelCard


@pytest.fixture
def pass_(card: ModelCard) -> Pass:
    return Pass(
        card=card,
        prompt="rain",
        negative_prompt="",
        seconds_start=0.0,
        seconds_end=0.5,
        seed=1,
        steps=7,
        guidance_scale=2.5,
    )
