"""`GET /v1/models`: two bodies, because no single one satisfies all clients.

Sources: https://elevenlabs.io/docs/api-reference/models/list (a bare array, `model_id` required);
https://platform.openai.com/docs/api-reference/models/list (an object).
"""

from collections.abc import Iterable
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.contracts.base import BEARER, answered, generator_of
from frontend.contracts.dialect import speaks_elevenlabs
from frontend.contracts.envelopes import ELEVENLABS, LOCALAI
from tritone.card import ModelCard


class ArrayModel(BaseModel):
    """One model, for ElevenLabs' clients."""

    model_id: str
    name: str
    can_do_text_to_speech: bool = False
    can_do_voice_conversion: bool = False


class ListedModel(BaseModel):
    """One model, for everybody else's."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0  # required by clients; a model does not know when it was made
    owned_by: str = "tritone"


class ModelList(BaseModel):
    """Every served model."""

    object: Literal["list"] = "list"
    data: list[ListedModel]


def model_array(cards: Iterable[ModelCard]) -> JSONResponse:
    """Return the models as ElevenLabs does."""
    return JSONResponse([ArrayModel(model_id=c.name, name=c.name).model_dump() for c in cards])


def model_list(cards: Iterable[ModelCard]) -> JSONResponse:
    """Return the models as OpenAI and its descendants do."""
    return JSONResponse(ModelList(data=[ListedModel(id=c.name) for c in cards]).model_dump())


router = APIRouter(dependencies=[BEARER])


@router.get(
    "/v1/models",
    tags=["ElevenLabs", "LocalAI", "vLLM-Omni"],
    response_model=ModelList | list[ArrayModel],
)
async def list_models(request: Request) -> Response:
    """List the served models: an array for ElevenLabs' clients, an object for all others."""
    headers = request.headers
    is_openai = "x-stainless-lang" in headers or headers.get("user-agent", "").startswith("OpenAI/")
    if speaks_elevenlabs(headers) or ("xi-api-key" in headers and not is_openai):
        return await answered(ELEVENLABS, request, _array)
    return await answered(LOCALAI, request, _list)


async def _array(request: Request) -> Response:
    return model_array(generator_of(request).models())


async def _list(request: Request) -> Response:
    return model_list(generator_of(request).models())
