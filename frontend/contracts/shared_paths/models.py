"""`GET /v1/models` at the root: two bodies, because no single one satisfies all clients.

Sources: https://elevenlabs.io/docs/api-reference/models/list (a bare array, `model_id` required);
https://platform.openai.com/docs/api-reference/models (an object, and one model by its id).
"""

from fastapi import APIRouter, Request, Response

from frontend.contracts import elevenlabs, tritone
from frontend.contracts.kit import openapi
from frontend.contracts.kit.model_routes import add_route_of_one_model
from frontend.contracts.kit.route import BEARER, answer_in_envelope, make_router
from frontend.contracts.kit.served_models import ArrayModel, ModelList, make_array, make_list
from frontend.contracts.shared_paths.sound_dialect import speaks_elevenlabs

_ELEVENLABS, _OURS = elevenlabs.CONTRACT.envelope, tritone.CONTRACT.envelope

router = APIRouter(dependencies=[BEARER])


@router.get(
    "/v1/models",
    tags=["ElevenLabs", "LocalAI", "vLLM-Omni"],
    response_model=ModelList | list[ArrayModel],
    responses=openapi.either(openapi.errors_of(_ELEVENLABS), openapi.errors_of(_OURS)),
)
async def list_models(request: Request) -> Response:
    """List the served models: an array for ElevenLabs' clients, an object for all others."""
    headers = request.headers
    is_openai = "x-stainless-lang" in headers or headers.get("user-agent", "").startswith("OpenAI/")
    if speaks_elevenlabs(headers) or ("xi-api-key" in headers and not is_openai):
        return await answer_in_envelope(_ELEVENLABS, request, _answer_array)
    return await answer_in_envelope(_OURS, request, _answer_list)


async def _answer_array(request: Request) -> Response:
    return make_array(request)


async def _answer_list(request: Request) -> Response:
    return make_list(request)


single = make_router(_OURS, "Models")
add_route_of_one_model(single, _OURS)
