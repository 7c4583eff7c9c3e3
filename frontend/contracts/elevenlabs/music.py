"""ElevenLabs: `POST /v1/music` and `POST /v1/music/stream`, from a prompt or a composition plan.

Source: https://elevenlabs.io/docs/api-reference/music/compose and the requests of the official
clients 2.18-2.78.
"""

from collections.abc import Iterator
from typing import Annotated, TypeVar

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field

from frontend.audio.formats import AudioFormat
from frontend.contracts.elevenlabs.envelope import ENVELOPE, shorten_id
from frontend.contracts.elevenlabs.plan import (
    LONGEST_MS,
    OWN_MODELS,
    SHORTEST_MS,
    CompositionPlan,
    check_plan,
)
from frontend.contracts.elevenlabs.sound import add_vendor_headers, resolve_model
from frontend.contracts.kit import openapi
from frontend.contracts.kit.answer import Answer, Order, make_answer
from frontend.contracts.kit.app_parts import get_generator, get_request_id
from frontend.contracts.kit.body import make_body_error, read_body, read_query
from frontend.contracts.kit.elevenlabs_formats import MUSIC_FORMATS, one_of
from frontend.contracts.kit.fields import Integer, Prompt, RequestModel, StrictBody, Text
from frontend.contracts.kit.route import make_router
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard
from tritone.controls import INSTRUMENTAL, LYRICS, Controls

AUTO = "auto"
_MAX_SEED = 2**31 - 1
_CHUNK_BYTES = 16 * 1024
_NEITHER = "Field required", "missing"
_BOTH = "Input should have either `prompt` or `composition_plan`", "value_error"

AnyMusicBody = TypeVar("AnyMusicBody", bound="MusicBody")

WORDS = {"seconds": "music_length_ms", "model": "model_id"}
EXAMPLE = {"prompt": "A slow waltz for strings, no drums", "music_length_ms": 5000}


class MusicBody(StrictBody):
    """Music to be made, from a prompt or from a plan."""

    prompt: Prompt | None = Field(None, description="The music, in words; or `composition_plan`.")
    composition_plan: CompositionPlan | None = Field(
        None, description="The music as `/v1/music/plan` gives it, or changed; or `prompt`."
    )
    music_length_ms: Integer | None = Field(
        None,
        ge=SHORTEST_MS,
        le=LONGEST_MS,
        description="Length; the model's own if absent. A plan has its own.",
    )
    model_id: Text | None = Field(None, description="A served model, or any `music_*`.")
    seed: Integer | None = Field(
        None,
        ge=0,
        le=_MAX_SEED,
        description="Repeats the same music.",
    )
    force_instrumental: bool = Field(False, description="No vocals.")


class MusicQuery(RequestModel):
    """The format to deliver it in."""

    output_format: Annotated[str, AfterValidator(one_of((AUTO, *MUSIC_FORMATS)))] = Field(
        AUTO,
        description="codec_rate[_kbps], or `auto`: mp3",
        json_schema_extra={"enum": [AUTO, *MUSIC_FORMATS]},
    )
    enable_logging: bool = Field(True, description="Without effect: nothing is retained.")


def choose_format(word: str, model_id: str | None) -> AudioFormat:
    """Return the format of a word; `auto` depends on the model as with the vendor."""
    if word == AUTO:
        word = "mp3_48000_192" if (model_id or "").startswith("music_v2") else "mp3_44100_128"
    return MUSIC_FORMATS[word]


def to_order(body: MusicBody, query: MusicQuery, card: ModelCard) -> Order:
    """Translate body and query into an order for a model.

    Raises:
        MalformedRequest: neither prompt nor plan, both, or a plan that cannot be made.
    """
    plan = body.composition_plan
    if (body.prompt is None) == (plan is None):
        message, kind = _NEITHER if plan is None else _BOTH
        raise make_body_error(message, kind, "body", "prompt")
    plan = None if plan is None else check_plan(plan)
    milliseconds = body.music_length_ms if plan is None else plan.milliseconds
    return Order(
        wanted=GenerationRequest(
            prompt=plan.prompt if plan is not None else body.prompt or "",
            negative_prompt=plan.negative_prompt if plan is not None else None,
            controls=_list_controls(body),
            model=card.name,
            seconds=None if milliseconds is None else milliseconds / 1000,
            seed=body.seed,
        ),
        audio_format=choose_format(query.output_format, body.model_id),
        words=WORDS,
        notes=(*body.notes, *query.notes),
    )


def _list_controls(body: MusicBody) -> Controls:
    plan = body.composition_plan
    lyrics = {LYRICS: plan.lyrics} if plan is not None and plan.lyrics else {}
    return lyrics | ({INSTRUMENTAL: True} if body.force_instrumental else {})


router = make_router(ENVELOPE, "ElevenLabs")
_RESPONSES = openapi.audio_of(MUSIC_FORMATS.values()) | openapi.errors_of(ENVELOPE)
_READ = openapi.body_of(MusicBody, EXAMPLE) | openapi.query_of(MusicQuery)


@router.post("/v1/music", response_class=Response, responses=_RESPONSES, openapi_extra=_READ)
async def compose(request: Request) -> Response:
    """Turn text, or a plan, into music."""
    _, answer, _ = await compose_music(request, MusicBody)
    return Response(answer.audio, headers=make_music_headers(request, answer))


@router.post("/v1/music/stream", response_class=Response, responses=_RESPONSES, openapi_extra=_READ)
async def stream(request: Request) -> Response:
    """Turn text, or a plan, into music, delivered in chunks."""
    _, answer, _ = await compose_music(request, MusicBody)
    return StreamingResponse(_split(answer.audio), headers=make_music_headers(request, answer))


async def compose_music(
    request: Request, model: type[AnyMusicBody]
) -> tuple[AnyMusicBody, Answer, AudioFormat]:
    """Return what was asked for, the music, and its format.

    Raises:
        TritoneError: what cannot be read, or not be made, in the contract's words.
    """
    body = await read_body(request, model)
    query = read_query(request, MusicQuery)
    card = resolve_model(body.model_id, get_generator(request), OWN_MODELS)
    order = to_order(body, query, card)
    return body, await make_answer(request, order), order.audio_format


def _split(audio: bytes) -> Iterator[bytes]:
    for start in range(0, len(audio), _CHUNK_BYTES):
        yield audio[start : start + _CHUNK_BYTES]


def make_music_headers(request: Request, answer: Answer) -> dict[str, str]:
    """Return the answer's headers with the id that the vendor gives to songs."""
    song_id = shorten_id(f"song{get_request_id(request)}")
    return add_vendor_headers(request, {**answer.headers, "song-id": song_id})
