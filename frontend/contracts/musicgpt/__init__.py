"""MusicGPT: sounds as jobs, with its own webhook body. Source: https://docs.musicgpt.com."""

from frontend.contracts.kit.contract import Contract
from frontend.contracts.musicgpt import conversions, routes
from frontend.contracts.musicgpt.envelope import ENVELOPE

CONTRACT = Contract(
    envelope=ENVELOPE,
    routers=(routes.router,),
    root_paths=("/api/public", "/sound_generator"),
    webhook_body=conversions.webhook_body,
)
