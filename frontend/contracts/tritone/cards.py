"""`GET /cards`: what is served now, with what a client needs to ask well. The page at `/` does."""

from contextlib import suppress
from typing import Literal

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_generator, get_settings, get_speaker
from frontend.contracts.kit.route import make_router
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.errors import BackendUnavailable, InvalidRequest
from frontend.sounds.generator import Generator
from tritone.card import ModelCard, SpeechCard


class ControlView(BaseModel):
    """What a model takes beside a prompt, by the name that it has in `POST /jobs`."""

    name: str
    type: Literal["STRING", "INT32", "FP32", "BOOL"]
    least: float = Field(description="Of a STRING: characters.")
    most: float


class SoundCardView(BaseModel):
    """A model that makes sounds."""

    task: Literal["sound"] = "sound"
    name: str
    sample_rate: int
    audio_channels: int
    max_seconds: float = Field(description="The longest sound that may be asked for.")
    default_seconds: float
    default_steps: int
    default_guidance_scale: float
    guidance: bool = Field(description="Whether it takes a negative prompt and a guidance scale.")
    controls: list[ControlView] = Field(
        description="Others are put into words, or left out, with a note."
    )
    prompts: list[str] = Field(description="What it makes well.")


class VoiceView(BaseModel):
    """A voice of a model that speaks."""

    id: str
    name: str
    language: str
    gender: str
    license: str
    description: str


class SpeechCardView(BaseModel):
    """A model that speaks."""

    task: Literal["speech"] = "speech"
    name: str
    sample_rate: int
    audio_channels: int
    voices: list[VoiceView]
    default_voice: str
    min_speed: float
    max_speed: float
    max_characters: int


class CardList(BaseModel):
    """Every model that is served now; of each task the default one first."""

    cards: list[SoundCardView | SpeechCardView]
    has_jobs: bool = Field(description="Whether `/jobs` is there: it needs a database.")


router = make_router(ENVELOPE, "Models")


@router.get("/cards", response_model=CardList, responses=openapi.errors_of(ENVELOPE))
async def list_cards(request: Request) -> Response:
    """List the served models with their limits, defaults, voices, and what they make well."""
    settings = get_settings(request)
    generator = get_generator(request)
    default = _find_default(generator)
    sounds = sorted(generator.models(), key=lambda card: card != default)
    views = [_view_sound(card, settings.max_seconds) for card in sounds]
    speech = [_view_speech(card) for card in get_speaker(request).models()]
    has_jobs = getattr(request.app.state, "jobs", None) is not None
    return JSONResponse(CardList(cards=[*views, *speech], has_jobs=has_jobs).model_dump())


def _find_default(generator: Generator) -> ModelCard | None:
    with suppress(BackendUnavailable, InvalidRequest):  # none is served, or none was chosen
        return generator.resolve(None)
    return None


def _view_sound(card: ModelCard, max_seconds: float) -> SoundCardView:
    longest = max_seconds if card.extendable else card.window_seconds
    return SoundCardView(
        name=card.name,
        sample_rate=card.sample_rate,
        audio_channels=card.audio_channels,
        max_seconds=max(longest, card.window_seconds),
        default_seconds=card.default_seconds,
        default_steps=card.default_steps,
        default_guidance_scale=card.default_guidance_scale,
        guidance=card.guidance,
        controls=[
            ControlView(name=each.name, type=each.dtype, least=each.least, most=each.most)
            for each in card.controls
        ],
        prompts=list(card.prompts),
    )


def _view_speech(card: SpeechCard) -> SpeechCardView:
    return SpeechCardView(
        name=card.name,
        sample_rate=card.sample_rate,
        audio_channels=card.audio_channels,
        voices=[VoiceView.model_validate(each, from_attributes=True) for each in card.voices],
        default_voice=card.default_voice,
        min_speed=card.min_speed,
        max_speed=card.max_speed,
        max_characters=card.max_characters,
    )
