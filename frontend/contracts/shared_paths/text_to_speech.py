"""`POST /v1/text-to-speech/{voice_id}` at the root, which ElevenLabs and LocalAI both have.

`sound_dialect.py` decides from the request who answers. The paths below it are ElevenLabs' alone.
"""

from fastapi import APIRouter, Request, Response

from frontend.contracts.elevenlabs import speech as elevenlabs
from frontend.contracts.elevenlabs import speech_body
from frontend.contracts.elevenlabs.envelope import ENVELOPE as ELEVENLABS
from frontend.contracts.kit import openapi
from frontend.contracts.kit.body import try_read_object
from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS
from frontend.contracts.kit.route import BEARER, answer_in_envelope
from frontend.contracts.localai import text_to_speech as localai
from frontend.contracts.localai.envelope import ENVELOPE as LOCALAI
from frontend.contracts.shared_paths.sound_dialect import find_dialect

PATH = "/v1/text-to-speech/{voice_id}"

router = APIRouter(dependencies=[BEARER])


@router.post(
    PATH,
    tags=["ElevenLabs", "LocalAI"],
    response_class=Response,
    responses=openapi.audio_of(OUTPUT_FORMATS.values())
    | openapi.either(openapi.errors_of(ELEVENLABS), openapi.errors_of(LOCALAI)),
    openapi_extra=openapi.any_body_of(
        {
            "ElevenLabs": (speech_body.SpeechBody, elevenlabs.EXAMPLE),
            "LocalAI": (localai.TextToSpeechBody, localai.EXAMPLE),
        }
    )
    | openapi.query_of(speech_body.SpeechQuery, "voice_id"),
)
async def speak(request: Request) -> Response:
    """Turn text into speech, as ElevenLabs or as LocalAI does."""
    dialect = find_dialect(request.headers, request.query_params, await try_read_object(request))
    if dialect == "elevenlabs":
        return await answer_in_envelope(ELEVENLABS, request, elevenlabs.speak)
    return await answer_in_envelope(LOCALAI, request, localai.speak)
