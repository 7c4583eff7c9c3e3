"""`POST /v1/sound-generation` at the root, which ElevenLabs and LocalAI both have.

`dialect.py` decides from the request who answers; the contract then reads the request by itself.
"""

from fastapi import APIRouter, Request, Response

from frontend.contracts.elevenlabs import sound as elevenlabs
from frontend.contracts.kit import documented
from frontend.contracts.kit.base import BEARER, answered, settings_of
from frontend.contracts.kit.body import JsonObject, MalformedRequest, read_object
from frontend.contracts.kit.envelopes import ELEVENLABS, LOCALAI
from frontend.contracts.localai import sound as localai
from frontend.contracts.shared_paths.dialect import dialect_of

router = APIRouter(dependencies=[BEARER])


async def _readable_body(request: Request) -> JsonObject | None:
    try:
        return await read_object(request)
    except MalformedRequest:
        return None  # the contract that answers will say what is wrong with it


@router.post(
    "/v1/sound-generation",
    tags=["ElevenLabs", "LocalAI"],
    response_class=Response,
    responses=documented.audio_of(localai.FORMAT_WORDS.values())
    | documented.either(documented.errors_of(ELEVENLABS), documented.errors_of(LOCALAI)),
    openapi_extra=documented.body_of(elevenlabs.SoundGenerationBody, localai.SoundGenerationBody)
    | documented.query_of(elevenlabs.SoundGenerationQuery),
)
async def generate_sound(request: Request) -> Response:
    """Turn text into sound, as ElevenLabs or as LocalAI does."""
    dialect = dialect_of(
        request.headers,
        request.query_params,
        await _readable_body(request),
        strict=settings_of(request).strict_sound_generation,
    )
    if dialect == "elevenlabs":
        return await answered(ELEVENLABS, request, elevenlabs.generate_sound)
    return await answered(LOCALAI, request, localai.generate_sound)
