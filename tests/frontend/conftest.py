import pytest

from frontend.triton.gateway import PreparedRequest
from tritone.card import ModelCard


@pytest.fixture
def request_(card: ModelCard) -> PreparedRequest:
    return PreparedRequest(
        card=card,
        prompt="rain",
        negative_prompt="",
        seconds_start=0.0,
        seconds_end=0.5,
        seed=1,
        steps=7,
        guidance_scale=2.5,
    )
