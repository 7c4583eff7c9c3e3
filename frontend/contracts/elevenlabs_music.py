"""ElevenLabs: `POST /v1/music` and `POST /v1/music/stream`, from a text prompt.

Source: https://elevenlabs.io/docs/api-reference/music/compose and the requests of the official
clients 2.18-2.78. A composition plan needs a model that takes one; it is refused.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, Field

from frontend.audio.formats import AudioFormat
from frontend.contracts import documented
from frontend.contracts.base import Delivery, Order, contract_router, deliver, generator_of
from frontend.contracts.body import (
    Fault,
    JsonObject,
    MalformedRequest,
    Prompt,
    StrictBody,
    Text,
    Whole,
    checked,
    read_body,
)
from frontend.contracts.elevenlabs import model_of, vendor_headers
from frontend.contracts.envelopes import ELEVENLABS, request_id_of, short_id
from frontend.contracts.output_formats import MUSIC_FORMATS, one_of
from frontend.sound import GenerationRequest
from tritone.card import ModelCard

OWN_MODELS = "music_"  # the vendor's; each stands for the default model
AUTO = "auto"
_MAX_SEED = 2**31 - 1
_CHUNK_BYTES = 16 * 1024

WORDS = {"seconds": "music_length_ms", "model": "model_id"}


class MusicBody(StrictBody):
    """What to make."""

    prompt: Prompt | None = Field(None, description="The music, in words. Required.")
    composition_plan: JsonObject | None = Field(None, description="Not served: use `prompt`.")
    music_length_ms: Whole | None = Field(
        None, ge=3000, le=600_000, description="Length; the model's own if absent."
    )
    model_id: Text | None = Field(None, description="A served model, or any `music_*`.")
    seed: int | None = Field(None, ge=0, le=_MAX_SEED, description="The same, the same music.")
    force_instrumental: bool | None = Field(False, description="It is, always.")


class MusicQuery(BaseModel):
    """How to deliver it."""

    output_format: Annotated[str, AfterValidator(one_of((AUTO, *MUSIC_FORMATS)))] = Field(
        AUTO,
        description="codec_rate[_kbps], or `auto`: mp3",
        json_schema_extra={"enum": [AUTO, *MUSIC_FORMATS]},
    )
    enable_logging: bool = Field(True, description="Without effect: nothing is retained.")


def format_of(word: str, model_id: str | None) -> AudioFormat:
    """Return the format of a word; `auto` is what the vendor's model of that name would give."""
    if word == AUTO:
        word = "mp3_48000_192" if (model_id or "").startswith("music_v2") else "mp3_44100_128"
    return MUSIC_FORMATS[word]


def to_order(body: MusicBody, audio_format: AudioFormat, card: ModelCard) -> Order:
    """Return body and format in our words, for a model.

    Raises:
        MalformedRequest: no prompt, or a composition plan.
    """
    if body.composition_plan is not None:
        message = "Composition plans are not served here; say the music in `prompt`"
        raise _fault("composition_plan", message, "value_error")
    if body.prompt is None:
        raise _fault("prompt", "Field required", "missing")
    milliseconds = body.music_length_ms
    return Order(
        wanted=GenerationRequest(
            prompt=body.prompt,
            model=card.name,
            seconds=None if milliseconds is None else milliseconds / 1000,
            seed=body.seed,
        ),
        audio_format=audio_format,
        words=WORDS,
    )


def _fault(field: str, message: str, kind: str) -> MalformedRequest:
    return MalformedRequest([Fault(("body", field), message, kind)])


router = contract_router(ELEVENLABS, "ElevenLabs")
_RESPONSES = documented.audio_of(MUSIC_FORMATS.values()) | documented.errors_of(ELEVENLABS)
_READ = documented.body_of(MusicBody) | documented.query_of(MusicQuery)


@router.post("/v1/music", response_class=Response, responses=_RESPONSES, openapi_extra=_READ)
async def compose(request: Request) -> Response:
    """Turn text into music."""
    delivery = await _composed(request)
    return Response(delivery.audio, headers=_headers(request, delivery))


@router.post("/v1/music/stream", response_class=Response, responses=_RESPONSES, openapi_extra=_READ)
async def stream(request: Request) -> Response:
    """Turn text into music, delivered in chunks."""
    delivery = await _composed(request)
    return StreamingResponse(_chunks(delivery.audio), headers=_headers(request, delivery))


async def _composed(request: Request) -> Delivery:
    body = await read_body(request, MusicBody)
    query = checked(MusicQuery, dict(request.query_params), "query")
    card = model_of(body.model_id, generator_of(request), OWN_MODELS)
    audio_format = format_of(query.output_format, body.model_id)
    return await deliver(request, to_order(body, audio_format, card))


def _chunks(audio: bytes) -> Iterator[bytes]:
    for start in range(0, len(audio), _CHUNK_BYTES):
        yield audio[start : start + _CHUNK_BYTES]


def _headers(request: Request, delivery: Delivery) -> dict[str, str]:
    song_id = short_id(f"song{request_id_of(request)}")
    return vendor_headers(request, {**delivery.headers, "song-id": song_id})
