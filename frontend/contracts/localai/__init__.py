"""LocalAI: `POST /v1/sound-generation`. Source: https://localai.io/features/sound-generation/."""

from frontend.contracts.kit.contract import Contract
from frontend.contracts.localai import routes, speech
from frontend.contracts.localai.envelope import ENVELOPE

CONTRACT = Contract(envelope=ENVELOPE, routers=(routes.router, speech.router), root_paths=("/tts",))
