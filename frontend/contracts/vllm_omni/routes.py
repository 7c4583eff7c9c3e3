"""vLLM-Omni: `POST /v1/audio/generate`, and the models that are served.

Source: https://docs.vllm.ai/projects/vllm-omni, "Audio Generate API"; bounds of release 0.30.0,
and the fields that 0.32 added: `num_frames`, `frame_rate`, `extra_params`.
"""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import Field

from frontend.audio.formats import FORMATS, AudioFormat
from frontend.contracts.kit import openapi
from frontend.contracts.kit.answer import Order, make_answer
from frontend.contracts.kit.app_parts import get_generator
from frontend.contracts.kit.body import read_body
from frontend.contracts.kit.fields import ControlWord, Integer, Prompt, StrictBody, Text
from frontend.contracts.kit.model_routes import add_model_routes
from frontend.contracts.kit.route import make_router
from frontend.contracts.vllm_omni.envelope import ENVELOPE
from frontend.errors import InvalidRequest
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard
from tritone.controls import NEGATIVE_PROMPT, TYPES, Controls
from tritone.limits import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS, MIN_SEED

_DAY_S = 86400.0
DEFAULT_FRAME_RATE = 24.0
MAX_FRAMES = 1_000_000
MAX_EXTRA_PARAMS = 32

FORMAT_WORDS: dict[str, AudioFormat] = {
    "wav": FORMATS["wav"],
    "pcm": FORMATS["pcm"],
    "flac": FORMATS["flac"],
    "mp3": FORMATS["mp3"],
    "aac": FORMATS["aac"],
    "opus": replace(FORMATS["opus"], media_type="audio/opus"),
}
FormatWord = Literal["wav", "pcm", "flac", "mp3", "aac", "opus"]

WORDS = {
    "prompt": "input",
    "seconds": "audio_length",
    "seconds_start": "audio_start",
    "steps": "num_inference_steps",
    **{name: f"extra_params.{name}" for name in TYPES if name != NEGATIVE_PROMPT},
}
EXAMPLE = {"input": "Rain on a tin roof", "audio_length": 5.0, "seed": 42}

Seconds = Annotated[float, Field(le=_DAY_S)]


class AudioGenerateBody(StrictBody):
    """A sound to be made, and the format to deliver it in."""

    input: Prompt = Field(description="The sound, in words.")
    model: Text | None = Field(None, description="A served model; the default one if absent.")
    response_format: FormatWord = Field("wav", description="Format of the answer.")
    speed: float = Field(
        1.0, ge=0.25, le=4.0, description="Divides the length and keeps the pitch."
    )
    stream_format: Literal["audio"] = Field("audio", description="The only value that is served.")
    audio_length: Annotated[Seconds, Field(gt=0)] | None = Field(
        None, description="Seconds before `speed`; the model's own length if absent."
    )
    audio_start: Annotated[Seconds, Field(ge=0)] = Field(
        0.0, description="Seconds into the model's window at which the clip begins."
    )
    num_frames: Integer | None = Field(
        None,
        ge=1,
        le=MAX_FRAMES,
        description="Length in frames of a video; `audio_length` wins.",
    )
    frame_rate: float | None = Field(
        None, gt=0, le=1000, description="Frames a second of `num_frames`; 24 if absent."
    )
    extra_params: Annotated[dict[Text, ControlWord], Field(max_length=MAX_EXTRA_PARAMS)] = Field(
        {}, description="What only some models take; `GET /cards` lists their controls."
    )
    negative_prompt: Text | None = Field(None, description="What to avoid.")
    guidance_scale: float | None = Field(
        None,
        ge=0,
        le=MAX_GUIDANCE_SCALE,
        description="How closely to follow the prompt; 1 and less is no guidance.",
    )
    num_inference_steps: Integer | None = Field(
        None, ge=1, le=MAX_STEPS, description="Denoising steps."
    )
    seed: Integer | None = Field(
        None,
        ge=MIN_SEED,
        le=MAX_SEED,
        description="Repeats the same sound.",
    )


def to_order(body: AudioGenerateBody, card: ModelCard) -> Order:
    """Translate a body into an order for a model.

    Raises:
        InvalidRequest: an extra parameter that the model does not take.
    """
    _check_extra_params(body.extra_params, card)
    return Order(
        wanted=GenerationRequest(
            prompt=body.input,
            model=card.name,
            negative_prompt=body.negative_prompt,
            controls=body.extra_params,
            seconds=_choose_seconds(body),
            seconds_start=body.audio_start,
            steps=body.num_inference_steps,
            guidance_scale=body.guidance_scale,
            seed=body.seed,
        ),
        audio_format=FORMAT_WORDS[body.response_format],
        words=WORDS,
        speed=body.speed,
        notes=body.notes,
    )


def _choose_seconds(body: AudioGenerateBody) -> float | None:
    if body.audio_length is not None or body.num_frames is None:
        return body.audio_length
    return body.num_frames / (body.frame_rate or DEFAULT_FRAME_RATE)


def _check_extra_params(asked: Controls, card: ModelCard) -> None:
    taken = [each.name for each in card.controls if each.name != NEGATIVE_PROMPT]
    for name in asked:
        if name not in taken:
            known = ", ".join(taken) or "none"
            raise InvalidRequest(
                f"The model `{card.name}` does not take this parameter; it takes: {known}.",
                field=f"extra_params.{name}" if name.isidentifier() else "extra_params",
            )


router = make_router(ENVELOPE, "vLLM-Omni")


@router.post(
    "/v1/audio/generate",
    response_class=Response,
    responses=openapi.audio_of(FORMAT_WORDS.values()) | openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.body_of(AudioGenerateBody, EXAMPLE),
)
async def generate_audio(request: Request) -> Response:
    """Turn text into sound."""
    body = await read_body(request, AudioGenerateBody)
    card = get_generator(request).resolve(body.model)
    answer = await make_answer(request, to_order(body, card))
    return Response(answer.audio, headers=answer.headers)


add_model_routes(router, ENVELOPE)
