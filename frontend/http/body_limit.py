"""The largest request body, refused in the words of the contract it was sent to.

FastAPI's `max_body_size` would do, but it replaces every answer to a request whose
`Content-Length` is too large by its own plain text (fastapi 0.165, starlette 1.10).
"""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOO_LARGE = 413


class BodyLimit:
    """ASGI middleware; `render` makes the answer for a status."""

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, render: Callable[[Request, int], Response]
    ) -> None:
        """Wrap `app`."""
        self._app = app
        self._max_bytes = max_bytes
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse by the announced size, else by the bytes that come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _read_length(scope) > self._max_bytes:
            response = self._render(Request(scope), _TOO_LARGE)
            await response(scope, receive, send)
        else:
            await self._app(scope, self._count(receive), send)

    def _count(self, receive: Receive) -> Receive:
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_bytes:
                raise HTTPException(_TOO_LARGE)  # the one error that FastAPI lets through
            return message

        return counted


def _read_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0
