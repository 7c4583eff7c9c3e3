"""OpenAI: `POST /v1/audio/speech`. Source: https://platform.openai.com/docs/api-reference/audio."""

from frontend.contracts.kit.contract import Contract
from frontend.contracts.openai import routes
from frontend.contracts.openai.envelope import ENVELOPE

# Its paths are shared: `shared_paths/speech.py` has them at the root.
CONTRACT = Contract(envelope=ENVELOPE, routers=(routes.router,), root_paths=())
