"""LocalAI: `POST /v1/text-to-speech/{voice_id}`, ElevenLabs' path in its words.

Source: core/http/endpoints/elevenlabs of the repository mudler/LocalAI: it reads three fields and
no query, and takes any voice id.
"""

from fastapi import Request, Response
from pydantic import Field

from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_speaker
from frontend.contracts.kit.body import read_body
from frontend.contracts.kit.fields import Prompt, StrictBody, Text
from frontend.contracts.kit.route import make_router
from frontend.contracts.localai.envelope import ENVELOPE
from frontend.contracts.localai.speech import FORMAT_WORDS, SpeechBody, answer_body

PATH = "/v1/text-to-speech/{voice_id}"
WORDS = {
    "text": "text",
    "prompt": "text",
    "model": "model_id",
    "voice": "voice_id",
    "language": "language_code",
}
EXAMPLE = {"text": "Hello world", "model_id": "tts"}


class TextToSpeechBody(StrictBody):
    """What to speak. Only `text` must be there."""

    text: Prompt = Field(description="The text.")
    model_id: Text | None = Field(None, description="A served model, or a model file's name.")
    language_code: Text | None = Field(None, description="ISO 639-1 or BCP 47.")


router = make_router(ENVELOPE, "LocalAI")


@router.post(
    PATH,
    response_class=Response,
    responses=openapi.audio_of(FORMAT_WORDS.values()) | openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.body_of(TextToSpeechBody, EXAMPLE) | openapi.path_of("voice_id"),
)
async def speak(request: Request) -> Response:
    """Turn text into speech; a voice that nobody knows is the default one."""
    body = await read_body(request, TextToSpeechBody)
    voice_id = str(request.path_params["voice_id"])
    is_known = get_speaker(request).knows_voice(voice_id)
    notes = () if is_known else ("voice_id ignored: no such voice is installed",)
    asked = SpeechBody(
        input=body.text,
        model=body.model_id,
        voice=voice_id if is_known else None,
        language=body.language_code,
    )
    return await answer_body(request, asked, WORDS, (*notes, *body.notes))
