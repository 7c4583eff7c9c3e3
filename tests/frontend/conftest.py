"""What several rooms of the frontend need: two passes, and a database."""

import pytest

from frontend.triton.gateway import SoundPass, SpeechPass
from ops.stack.postgres import EmbeddedPostgres
from tests.cards import TALKER
from tests.frontend.database.server import new_database
from tritone.card import ModelCard
from tritone.speech_options import SpeechOptions


@pytest.fixture
def pass_(card: ModelCard) -> SoundPass:
    return SoundPass(
        card=card,
        prompt="rain",
        seconds_start=0.0,
        seconds_end=0.5,
        seed=1,
        steps=7,
        guidance_scale=2.5,
    )


@pytest.fixture
def speech_pass() -> SpeechPass:
    return SpeechPass(
        card=TALKER,
        text="One. Two. Three.",
        voice="anna",
        speed=1.0,
        seed=1,
        options=SpeechOptions(),
        wants_timings=False,
    )


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> str:
    """The address of a database without rows."""
    return new_database(postgres)
