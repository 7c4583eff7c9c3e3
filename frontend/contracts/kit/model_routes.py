"""`GET /v1/models` and one model by its id, as OpenAI and its descendants have them."""

from fastapi import APIRouter, Request, Response

from frontend.contracts.kit import openapi
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.served_models import ListedModel, ModelList, make_list, make_one


def add_model_routes(router: APIRouter, envelope: Envelope) -> None:
    """Add the list of models and one model to a contract's router."""

    @router.get("/v1/models", response_model=ModelList, responses=openapi.errors_of(envelope))
    async def list_models(request: Request) -> Response:
        """List the served models."""
        return make_list(request)

    add_route_of_one_model(router, envelope)


def add_route_of_one_model(router: APIRouter, envelope: Envelope) -> None:
    """Add one model by its id to a contract's router."""

    # Older clients do not escape the slash of "org/name".
    @router.get(
        "/v1/models/{model_id:path}",
        response_model=ListedModel,
        responses=openapi.errors_of(envelope),
        openapi_extra=openapi.path_of("model_id"),
    )
    async def show_model(request: Request) -> Response:
        """Show one model, or the model behind an alias under the alias' name."""
        return make_one(request, str(request.path_params["model_id"]))
