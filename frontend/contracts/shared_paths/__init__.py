"""Paths that more than one contract has at the root, and who answers there."""

from fastapi import APIRouter, Request

from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.shared_paths import models, sound_generation, speech, text_to_speech

Path = tuple[str, str]  # method, path

SHARED_PATHS: dict[Path, APIRouter] = {
    ("POST", sound_generation.PATH): sound_generation.router,
    **{("POST", path): router for path, router in speech.ROUTERS.items()},
    ("POST", text_to_speech.PATH): text_to_speech.router,
    ("GET", "/v1/models"): models.router,
    ("GET", "/v1/models/{model_id:path}"): models.single,
}
"""All other paths have one owner at the root."""


def find_shared_envelope(request: Request) -> Envelope | None:
    """Return the envelope for a request to a shared path that reached no route."""
    if request.url.path.startswith(sound_generation.PATH):
        return sound_generation.choose_envelope(request)
    if request.url.path.startswith(speech.PATHS):
        return speech.choose_envelope(request)
    return None
