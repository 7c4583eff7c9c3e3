"""ElevenLabs: speech, voices, sound effects, music, history and account. Source: https://elevenlabs.io/docs."""

from frontend.contracts.elevenlabs import (
    account,
    detailed,
    dictionaries,
    history,
    music,
    plan,
    sound,
    speech,
    stream_input,
    voices,
)
from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.kit.contract import Contract

CONTRACT = Contract(
    envelope=ENVELOPE,
    routers=(
        sound.router,
        music.router,
        plan.router,
        detailed.router,
        account.router,
        history.router,
        dictionaries.router,
        speech.router,
        stream_input.router,
        voices.router,
    ),
    root_paths=(
        "/v1/text-to-speech",
        "/v1/pronunciation-dictionaries",
        "/v1/voices",
        "/v2/voices",
        "/v1/user",
        "/v1/history",
        "/v1/music",
    ),
)
