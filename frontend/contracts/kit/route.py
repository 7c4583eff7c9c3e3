"""Routes of a contract: each checks the API key and puts every error into the envelope."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from frontend.contracts.kit.app_parts import get_gate, get_metrics
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.streamed import StreamedAnswer
from frontend.errors import Overloaded, TritoneError
from frontend.keys.credentials import find_presented_key

Handler = Callable[[Request], Awaitable[Response]]

BEARER = Security(
    HTTPBearer(
        auto_error=False,  # the gate decides; this is for /docs
        description="Where keys are asked for. `xi-api-key` and `x-api-key` are taken too.",
    )
)


def make_router(envelope: Envelope, tag: str) -> APIRouter:
    """Return a router that renders every error of its routes in the envelope."""

    class ContractRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            handle = super().get_route_handler()

            async def handle_in_envelope(request: Request) -> Response:
                return await answer_in_envelope(envelope, request, handle)

            return handle_in_envelope

    return APIRouter(route_class=ContractRoute, tags=[tag], dependencies=[BEARER])


async def answer_in_envelope(envelope: Envelope, request: Request, handle: Handler) -> Response:
    """Return the handler's answer or its error in the envelope; the gate checks the key first."""
    request.state.contract = envelope.name  # for the log line and the count of requests
    try:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(_admit(request))
            response = await handle(request)
            if isinstance(response, StreamedAnswer):
                response.hold(stack.pop_all())  # the key's place is taken until the stream ends
            return response
    except TritoneError as error:
        if isinstance(error, Overloaded):
            get_metrics(request).refused.labels(envelope.name, error.reason).inc()
        return envelope.render(error, request)


@asynccontextmanager
async def _admit(request: Request) -> AsyncIterator[None]:
    async with get_gate(request).admit(find_presented_key(request.headers)) as owner:
        request.state.owner = owner
        yield
