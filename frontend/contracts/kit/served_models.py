"""The bodies of `GET /v1/models`: an array as ElevenLabs has, and an object as OpenAI has.

Sources: https://elevenlabs.io/docs/api-reference/models/list (a bare array, `model_id` required);
https://platform.openai.com/docs/api-reference/models (an object, and one model by its id).
"""

from typing import Literal

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.contracts.kit.app_parts import get_generator, get_settings, get_speaker
from tritone.card import SpeechCard


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


def make_array(request: Request) -> JSONResponse:
    """Return every served model as ElevenLabs does."""
    settings = get_settings(request)
    sounds = [
        ArrayModel(
            model_id=card.name,
            name=card.name,
            description=f"Text to sound, up to {card.window_seconds:g} s in one pass.",
            max_characters_request_free_user=settings.max_prompt_chars,
            max_characters_request_subscribed_user=settings.max_prompt_chars,
            maximum_text_length_per_request=settings.max_prompt_chars,
        )
        for card in get_generator(request).models()
    ]
    speech = [_list_speech(card) for card in get_speaker(request).models()]
    return JSONResponse([model.model_dump() for model in (*sounds, *speech)])


def _list_speech(card: SpeechCard) -> ArrayModel:
    codes = dict.fromkeys(language.partition("-")[0] for language in card.languages)
    return ArrayModel(
        model_id=card.name,
        name=card.name,
        description=f"Text to speech: {', '.join(voice.name for voice in card.voices)}.",
        can_do_text_to_speech=True,
        max_characters_request_free_user=card.max_characters,
        max_characters_request_subscribed_user=card.max_characters,
        maximum_text_length_per_request=card.max_characters,
        languages=[Language(language_id=code, name=code) for code in codes],
    )


def make_list(request: Request) -> JSONResponse:
    """Return every served model as OpenAI and its descendants do."""
    names = [card.name for card in get_generator(request).models()]
    names += [card.name for card in get_speaker(request).models()]
    return JSONResponse(ModelList(data=[ListedModel(id=name) for name in names]).model_dump())


def make_one(request: Request, model_id: str) -> JSONResponse:
    """Return one model as OpenAI does; an alias is shown under its own name.

    Raises:
        UnknownModel: neither.
    """
    if not get_speaker(request).knows(model_id):
        get_generator(request).resolve(model_id)
    return JSONResponse(ListedModel(id=model_id).model_dump())
