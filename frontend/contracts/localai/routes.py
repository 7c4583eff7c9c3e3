"""LocalAI: `POST /v1/sound-generation` and `GET /v1/models`.

Source: https://localai.io/features/sound-generation/ ; core/http/endpoints/elevenlabs of the
repository mudler/LocalAI for the names of formats and the attachment.
"""

from dataclasses import replace

from fastapi import Request, Response
from pydantic import Field

from frontend.audio.formats import FORMATS, AudioFormat
from frontend.contracts.kit import openapi
from frontend.contracts.kit.answer import Order, make_answer
from frontend.contracts.kit.app_parts import get_generator
from frontend.contracts.kit.body import make_body_error, read_body
from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS
from frontend.contracts.kit.fields import Name, Text
from frontend.contracts.kit.file_headers import attach
from frontend.contracts.kit.model_routes import add_model_routes
from frontend.contracts.kit.musical_fields import MusicalBody, compose, scale_guidance
from frontend.contracts.kit.route import make_router
from frontend.contracts.localai import speech
from frontend.contracts.localai.envelope import ENVELOPE
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard

FORMAT_WORDS = {**speech.FORMAT_WORDS, **OUTPUT_FORMATS}
"""Anything else is delivered as wav, as LocalAI does."""

WORDS = {
    "prompt": "text",
    "seconds": "duration_seconds",
    "model": "model_id",
    "guidance_scale": "prompt_influence",
}
EXAMPLE = {"model_id": "sound-model", "text": "Rain on a tin roof", "duration_seconds": 5}


class SoundGenerationBody(MusicalBody):
    """A sound to be made; `text` or `caption` must describe it."""

    model_id: Name = Field(description="A served model or an alias.")
    text: Text | None = Field(None, description="The sound, in words.")
    duration_seconds: float | None = Field(None, gt=0, description="Within what the model makes.")
    prompt_influence: float | None = Field(
        None, ge=0, description="How closely to follow the text; 1 and more are the same."
    )
    response_format: Text | None = Field(
        None, description="wav, mp3, aac, flac, opus or pcm; wav if absent or unknown."
    )
    output_format: Text | None = Field(None, description="The same, or an ElevenLabs name.")


def to_order(body: SoundGenerationBody, audio_format: AudioFormat, card: ModelCard) -> Order:
    """Translate a body into an order for a model.

    Raises:
        MalformedRequest: neither text nor caption.
    """
    composition = compose(body.text, body)
    if not (body.text or "").strip() and not (body.caption or "").strip():
        raise make_body_error("Input should not be blank", "string_too_short", "body", "text")
    influence = body.prompt_influence
    return Order(
        wanted=GenerationRequest(
            prompt=composition.prompt,
            controls=composition.controls,
            model=card.name,
            seconds=body.duration_seconds,
            guidance_scale=scale_guidance(None if influence is None else min(influence, 1.0), card),
        ),
        audio_format=audio_format,
        words=WORDS,
        notes=(*composition.notes, *body.notes),
    )


def format_of(body: SoundGenerationBody, query: str | None) -> tuple[AudioFormat, tuple[str, ...]]:
    """Return the first format that was named; unknown ones are wav, with a note."""
    word = body.response_format or body.output_format or query or "wav"
    known = FORMAT_WORDS.get(word.lower())
    return known or FORMATS["wav"], () if known else ("wav stands in for an unknown format",)


router = make_router(ENVELOPE, "LocalAI")


@router.post(
    "/v1/sound-generation",
    response_class=Response,
    responses=openapi.audio_of(FORMAT_WORDS.values()) | openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.body_of(SoundGenerationBody, EXAMPLE),
)
async def generate_sound(request: Request) -> Response:
    """Turn text into a sound or a piece of music."""
    body = await read_body(request, SoundGenerationBody)
    card = get_generator(request).resolve(body.model_id, field="model_id")
    audio_format, notes = format_of(body, request.query_params.get("output_format"))
    order = to_order(body, audio_format, card)
    answer = await make_answer(request, replace(order, notes=(*order.notes, *notes)))
    return Response(answer.audio, headers=attach(answer.headers))


add_model_routes(router, ENVELOPE)
