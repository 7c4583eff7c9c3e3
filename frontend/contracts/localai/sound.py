"""LocalAI: `POST /v1/sound-generation` and `GET /v1/models`.

Source: https://localai.io/features/sound-generation/ ; core/http/endpoints/elevenlabs of the
repository mudler/LocalAI for the names of formats and the attachment.
"""

import re

from fastapi import Request, Response
from pydantic import Field

from frontend.audio.formats import FORMATS, AudioFormat
from frontend.contracts.kit import documented
from frontend.contracts.kit.base import Delivery, Order, contract_router, deliver, generator_of
from frontend.contracts.kit.body import Fault, MalformedRequest, Name, Text, read_body
from frontend.contracts.kit.composition import MusicalBody, compose, guidance_of
from frontend.contracts.kit.envelopes import LOCALAI
from frontend.contracts.kit.models import ListedModel, ModelList, model_list, one_model
from frontend.contracts.kit.output_formats import OUTPUT_FORMATS
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard

FORMAT_WORDS: dict[str, AudioFormat] = {
    "wav": FORMATS["wav"],
    "mp3": FORMATS["mp3"],
    "aac": FORMATS["aac"],
    "flac": FORMATS["flac"],
    "opus": FORMATS["opus"],
    "ogg": FORMATS["opus"],
    "pcm": FORMATS["pcm"],
    **OUTPUT_FORMATS,
}
"""Anything else is delivered as wav, as LocalAI does."""

WORDS = {
    "prompt": "text",
    "seconds": "duration_seconds",
    "model": "model_id",
    "guidance_scale": "prompt_influence",
}


class SoundGenerationBody(MusicalBody):
    """What to make. One of `text` and `caption` must say it."""

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
    """Return the body in our words, for a model.

    Raises:
        MalformedRequest: neither text nor caption.
    """
    composition = compose(body.text, body)
    if not (body.text or "").strip() and not (body.caption or "").strip():
        kind = "missing" if body.text is None else "string_too_short"
        raise MalformedRequest([Fault(("body", "text"), "Input should not be blank", kind)])
    influence = body.prompt_influence
    return Order(
        wanted=GenerationRequest(
            prompt=composition.prompt,
            model=card.name,
            seconds=body.duration_seconds,
            guidance_scale=guidance_of(None if influence is None else min(influence, 1.0), card),
        ),
        audio_format=audio_format,
        words=WORDS,
        notes=composition.notes,
    )


def format_of(body: SoundGenerationBody, query: str | None) -> AudioFormat:
    """Return the first format that was named; unknown ones are wav."""
    word = body.response_format or body.output_format or query or "wav"
    return FORMAT_WORDS.get(word.lower(), FORMATS["wav"])


router = contract_router(LOCALAI, "LocalAI")


@router.post(
    "/v1/sound-generation",
    response_class=Response,
    responses=documented.audio_of(FORMAT_WORDS.values()) | documented.errors_of(LOCALAI),
    openapi_extra=documented.body_of(SoundGenerationBody),
)
async def generate_sound(request: Request) -> Response:
    """Turn text into a sound or a piece of music."""
    body = await read_body(request, SoundGenerationBody)
    card = generator_of(request).resolve(body.model_id, field="model_id")
    audio_format = format_of(body, request.query_params.get("output_format"))
    delivery = await deliver(request, to_order(body, audio_format, card))
    return Response(delivery.audio, headers=delivery.headers | _attachment(delivery, audio_format))


def _attachment(delivery: Delivery, audio_format: AudioFormat) -> dict[str, str]:
    # A model's name is the operator's; only what a file name and a header both take is kept.
    model = re.sub(r"[^A-Za-z0-9_-]+", "-", delivery.sound.card.name)
    name = f"{model}-{delivery.sound.seed}.{audio_format.extension}"
    return {"content-disposition": f'attachment; filename="{name}"'}


@router.get("/v1/models", response_model=ModelList, responses=documented.errors_of(LOCALAI))
async def list_models(request: Request) -> Response:
    """List the served models."""
    return model_list(generator_of(request).models())


@router.get(
    "/v1/models/{model_id:path}",
    response_model=ListedModel,
    responses=documented.errors_of(LOCALAI),
    openapi_extra=documented.path_of("model_id"),
)
async def show_model(request: Request) -> Response:
    """Tell of one model, or of what an alias stands for, under the name it was asked for."""
    return one_model(generator_of(request), str(request.path_params["model_id"]))
