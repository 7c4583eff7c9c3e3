"""ElevenLabs: `POST /v1/sound-generation` and `GET /v1/models`.

Source: https://elevenlabs.io/docs/api-reference/text-to-sound-effects/convert and the requests
of the official clients 1.59-2.78, which send nulls and unknown keys.
"""

from typing import Annotated

from fastapi import Request, Response
from pydantic import AfterValidator, Field

from frontend.audio.formats import AudioFormat
from frontend.contracts.elevenlabs.envelope import ENVELOPE, shorten_id
from frontend.contracts.kit import openapi
from frontend.contracts.kit.answer import Answer, Order, make_answer
from frontend.contracts.kit.app_parts import get_generator, get_request_id
from frontend.contracts.kit.body import make_body_error, read_body, read_query
from frontend.contracts.kit.elevenlabs_formats import OUTPUT_FORMATS, one_of
from frontend.contracts.kit.fields import Prompt, RequestModel, Text
from frontend.contracts.kit.musical_fields import MusicalBody, compose, scale_guidance
from frontend.contracts.kit.route import make_router
from frontend.contracts.kit.served_models import ArrayModel, make_array
from frontend.errors import UnknownModel
from frontend.sounds.generator import Generator
from frontend.sounds.request import GenerationRequest
from tritone.card import ModelCard

OWN_MODELS = "eleven_"  # the vendor's model ids begin so; each stands for the default model
SHORTEST_S, LONGEST_S = 0.5, 30.0  # of the vendor's models; ours have their own limits
CREDITS_PER_SECOND, CREDITS_PER_SOUND = 40, 200

WORDS = {
    "prompt": "text",
    "seconds": "duration_seconds",
    "model": "model_id",
    "guidance_scale": "prompt_influence",
}
EXAMPLE = {"text": "Rain on a tin roof", "duration_seconds": 5}
EXPOSED_HEADERS = ", ".join(("request-id", "character-cost", "song-id", *openapi.SOUND_HEADERS))


class SoundGenerationBody(MusicalBody):
    """A sound to be made. The fields of LocalAI are accepted too."""

    text: Prompt = Field(description="The sound, in words.")
    loop: bool = Field(False, description="Make a sound that repeats without a seam.")
    duration_seconds: float | None = Field(
        None, gt=0, description="0.5-30 for `eleven_*` models, else what the model can make."
    )
    prompt_influence: float = Field(
        0.3, ge=0, le=1, description="How closely to follow the text: 0.3 is the model's default."
    )
    model_id: Text | None = Field(None, description="A served model, or any `eleven_*`.")


class SoundGenerationQuery(RequestModel):
    """The format to deliver it in."""

    output_format: Annotated[str, AfterValidator(one_of(OUTPUT_FORMATS))] = Field(
        "mp3_44100_128",
        description="codec_rate[_kbps]",
        json_schema_extra={"enum": list(OUTPUT_FORMATS)},
    )
    enable_logging: bool = Field(True, description="Without effect: nothing is retained.")

    @property
    def audio_format(self) -> AudioFormat:
        """The format as the encoder takes it."""
        return OUTPUT_FORMATS[self.output_format]


def to_order(body: SoundGenerationBody, query: SoundGenerationQuery, card: ModelCard) -> Order:
    """Translate body and query into an order for a model.

    Raises:
        MalformedRequest: a length that the vendor's models do not make.
    """
    if body.model_id is None or body.model_id.startswith(OWN_MODELS):
        _check_length(body.duration_seconds)
    composition = compose(body.text, body)
    return Order(
        wanted=GenerationRequest(
            prompt=composition.prompt,
            controls=composition.controls,
            model=card.name,
            seconds=body.duration_seconds,
            guidance_scale=scale_guidance(body.prompt_influence, card),
            loop=body.loop,
        ),
        audio_format=query.audio_format,
        words=WORDS,
        notes=(*composition.notes, *body.notes, *query.notes),
    )


def _check_length(seconds: float | None) -> None:
    if seconds is None or SHORTEST_S <= seconds <= LONGEST_S:
        return
    bound, kind = (
        (f"greater than or equal to {SHORTEST_S:g}", "greater_than_equal")
        if seconds < SHORTEST_S
        else (f"less than or equal to {LONGEST_S:g}", "less_than_equal")
    )
    raise make_body_error(f"Input should be {bound}", kind, "body", "duration_seconds")


def resolve_model(
    model_id: str | None, generator: Generator, own_models: str = OWN_MODELS
) -> ModelCard:
    """Return the model of a request; a vendor's id that is no alias stands for the default model.

    Raises:
        UnknownModel: neither served, nor an alias, nor the vendor's.
    """
    try:
        return generator.resolve(model_id, field="model_id")
    except UnknownModel:
        if model_id is None or not model_id.startswith(own_models):
            raise
    return generator.resolve(None, field="model_id")


router = make_router(ENVELOPE, "ElevenLabs")


@router.post(
    "/v1/sound-generation",
    response_class=Response,
    responses=openapi.audio_of(OUTPUT_FORMATS.values()) | openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.body_of(SoundGenerationBody, EXAMPLE)
    | openapi.query_of(SoundGenerationQuery),
)
async def generate_sound(request: Request) -> Response:
    """Turn text into a sound effect."""
    body = await read_body(request, SoundGenerationBody)
    query = read_query(request, SoundGenerationQuery)
    card = resolve_model(body.model_id, get_generator(request))
    answer = await make_answer(request, to_order(body, query, card))
    return Response(answer.audio, headers=_make_headers(request, body, answer))


def _make_headers(request: Request, body: SoundGenerationBody, answer: Answer) -> dict[str, str]:
    cost = CREDITS_PER_SOUND
    if body.duration_seconds is not None:
        cost = count_credits(answer.sound.seconds)
    return add_vendor_headers(request, {**answer.headers, "character-cost": str(cost)})


def count_credits(seconds: float) -> int:
    """Return the vendor's price of a sound of a stated length."""
    return round(CREDITS_PER_SECOND * seconds)


def add_vendor_headers(request: Request, headers: dict[str, str]) -> dict[str, str]:
    """Add the headers that the official clients read, and let browsers read them all."""
    return headers | {
        "request-id": shorten_id(get_request_id(request)),
        "access-control-expose-headers": EXPOSED_HEADERS,
    }


@router.get("/v1/models", response_model=list[ArrayModel], responses=openapi.errors_of(ENVELOPE))
async def list_models(request: Request) -> Response:
    """List the served models, as an array."""
    return make_array(request)
