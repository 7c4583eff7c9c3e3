"""LocalAI: sounds and speech. Source: https://localai.io/features/."""

from frontend.contracts.kit.contract import Contract
from frontend.contracts.localai import routes, speech, text_to_speech
from frontend.contracts.localai.envelope import ENVELOPE

CONTRACT = Contract(
    envelope=ENVELOPE,
    routers=(routes.router, speech.router, text_to_speech.router),
    root_paths=("/tts",),
)
