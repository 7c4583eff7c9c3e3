"""`POST /v1/sound-generation` at the root, which ElevenLabs and LocalAI both have.

`sound_dialect.py` decides from the request who answers; the contract then reads the request by
itself.
"""

from fastapi import APIRouter, Request, Response

from frontend.contracts.elevenlabs import sound as elevenlabs
from frontend.contracts.elevenlabs.envelope import ENVELOPE as ELEVENLABS
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_settings
from frontend.contracts.kit.body import try_read_object
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.route import BEARER, answer_in_envelope
from frontend.contracts.localai import routes as localai
from frontend.contracts.localai.envelope import ENVELOPE as LOCALAI
from frontend.contracts.shared_paths.sound_dialect import find_dialect

PATH = "/v1/sound-generation"

router = APIRouter(dependencies=[BEARER])


@router.post(
    PATH,
    tags=["ElevenLabs", "LocalAI"],
    response_class=Response,
    responses=openapi.audio_of(localai.FORMAT_WORDS.values())
    | openapi.either(openapi.errors_of(ELEVENLABS), openapi.errors_of(LOCALAI)),
    openapi_extra=openapi.any_body_of(
        {
            "ElevenLabs": (elevenlabs.SoundGenerationBody, elevenlabs.EXAMPLE),
            "LocalAI": (localai.SoundGenerationBody, localai.EXAMPLE),
        }
    )
    | openapi.query_of(elevenlabs.SoundGenerationQuery),
)
async def generate_sound(request: Request) -> Response:
    """Turn text into sound, as ElevenLabs or as LocalAI does."""
    dialect = find_dialect(
        request.headers,
        request.query_params,
        await try_read_object(request),
        strict=get_settings(request).strict_sound_generation,
    )
    if dialect == "elevenlabs":
        return await answer_in_envelope(ELEVENLABS, request, elevenlabs.generate_sound)
    return await answer_in_envelope(LOCALAI, request, localai.generate_sound)


def choose_envelope(request: Request) -> Envelope:
    """Return the envelope for a request to this path that reached no route."""
    dialect = find_dialect(request.headers, request.query_params, None)
    return ELEVENLABS if dialect == "elevenlabs" else LOCALAI
