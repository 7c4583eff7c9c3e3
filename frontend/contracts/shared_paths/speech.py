"""`POST /v1/audio/speech` and `/audio/speech` at the root, which OpenAI and LocalAI both have.

The rule: a request is LocalAI's if no official OpenAI client sent it, and it names no voice or has
a field that only LocalAI has. The contract then reads the request by itself.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from frontend.contracts.kit import openapi
from frontend.contracts.kit.body import try_read_object
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.route import BEARER, answer_in_envelope
from frontend.contracts.localai import speech as localai
from frontend.contracts.localai.envelope import ENVELOPE as LOCALAI
from frontend.contracts.openai import routes as openai
from frontend.contracts.openai.envelope import ENVELOPE as OPENAI

PATHS = ("/v1/audio/speech", "/audio/speech")
LOCALAI_SPEECH_FIELDS = frozenset({"backend", "language", "sample_rate", "params", "stream"})


def is_openai_client(headers: Mapping[str, str]) -> bool:
    """Return whether an official OpenAI client sent these headers (names in lower case)."""
    return "x-stainless-lang" in headers or headers.get("user-agent", "").startswith("OpenAI/")


def speaks_localai(headers: Mapping[str, str], body: Mapping[str, Any] | None) -> bool:
    """Return whether a request is in LocalAI's words. A null counts as absent."""
    if body is None or is_openai_client(headers):
        return False
    given = {name for name, value in body.items() if value is not None}
    return "voice" not in given or bool(given & LOCALAI_SPEECH_FIELDS)


async def speak(request: Request) -> Response:
    """Turn text into speech, as OpenAI or as LocalAI does."""
    if speaks_localai(request.headers, await try_read_object(request)):
        return await answer_in_envelope(LOCALAI, request, localai.speak)
    return await answer_in_envelope(OPENAI, request, openai.speak)


def _make_router(path: str) -> APIRouter:
    router = APIRouter(dependencies=[BEARER])
    router.add_api_route(
        path,
        speak,
        methods=["POST"],
        tags=["OpenAI", "LocalAI"],
        response_class=Response,
        responses=openapi.audio_of(openai.FORMAT_WORDS.values(), has_events=True)
        | openapi.either(openapi.errors_of(OPENAI), openapi.errors_of(LOCALAI)),
        openapi_extra=openapi.any_body_of(
            {
                "OpenAI": (openai.SpeechBody, openai.EXAMPLE),
                "LocalAI": (localai.SpeechBody, localai.EXAMPLE),
            }
        ),
    )
    return router


ROUTERS = {path: _make_router(path) for path in PATHS}


def choose_envelope(_request: Request) -> Envelope:
    """Return the envelope for a request to one of these paths that reached no route."""
    return OPENAI
