"""The bodies of `GET /v1/models`: an array as ElevenLabs has, and an object as OpenAI has.

Sources: https://elevenlabs.io/docs/api-reference/models/list (a bare array, `model_id` required);
https://platform.openai.com/docs/api-reference/models (an object, and one model by its id).
"""

from collections.abc import Iterable
from typing import Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.settings import Settings
from frontend.sounds.generation import Generator
from tritone.card import ModelCard


class Language(BaseModel):
    """A language that prompts may be in."""

    language_id: str
    name: str


class ModelRates(BaseModel):
    """Relative prices of a model."""

    character_cost_multiplier: float = 1.0


class ArrayModel(BaseModel):
    """One model, for ElevenLabs' clients. The `can_…` flags are about speech, not about sounds."""

    model_id: str
    name: str
    description: str
    can_be_finetuned: bool = False
    can_do_text_to_speech: bool = False
    can_do_voice_conversion: bool = False
    can_use_style: bool = False
    can_use_speaker_boost: bool = False
    serves_pro_voices: bool = False
    requires_alpha_access: bool = False
    token_cost_factor: float = 1.0
    max_characters_request_free_user: int
    max_characters_request_subscribed_user: int
    maximum_text_length_per_request: int
    languages: list[Language] = [Language(language_id="en", name="English")]
    model_rates: ModelRates = ModelRates()
    concurrency_group: Literal["standard", "turbo"] = "standard"


class ListedModel(BaseModel):
    """One model, for OpenAI's clients and their descendants."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0  # clients require it; nothing here knows when a model was made
    owned_by: str = "tritone"


class ModelList(BaseModel):
    """The list that OpenAI's clients read."""

    object: Literal["list"] = "list"
    data: list[ListedModel]


def make_array(cards: Iterable[ModelCard], settings: Settings) -> JSONResponse:
    """Return the models as ElevenLabs does."""
    longest = settings.max_prompt_chars
    models = [
        ArrayModel(
            model_id=card.name,
            name=card.name,
            description=f"Text to sound, up to {card.window_seconds:g} s in one pass.",
            max_characters_request_free_user=longest,
            max_characters_request_subscribed_user=longest,
            maximum_text_length_per_request=longest,
        )
        for card in cards
    ]
    return JSONResponse([model.model_dump() for model in models])


def make_list(cards: Iterable[ModelCard]) -> JSONResponse:
    """Return the models as OpenAI and its descendants do."""
    return JSONResponse(ModelList(data=[ListedModel(id=c.name) for c in cards]).model_dump())


def make_one(generator: Generator, model_id: str) -> JSONResponse:
    """Return one model as OpenAI does; an alias is shown under its own name.

    Raises:
        UnknownModel: neither.
    """
    generator.resolve(model_id)
    return JSONResponse(ListedModel(id=model_id).model_dump())
