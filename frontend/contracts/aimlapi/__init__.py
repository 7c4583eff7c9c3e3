"""AI/ML API: `POST` and `GET /v2/generate/audio`. Source: https://docs.aimlapi.com."""

from frontend.contracts.aimlapi import routes
from frontend.contracts.aimlapi.envelope import ENVELOPE
from frontend.contracts.kit.contract import Contract

CONTRACT = Contract(envelope=ENVELOPE, routers=(routes.router,), root_paths=("/v2/generate",))
