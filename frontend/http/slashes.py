"""A slash more in a path means nothing: base URLs are often written with one at their end."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile("/{2,}")


class SingleSlashes:
    """ASGI middleware; takes `//v1/models` for `/v1/models`."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] in {"http", "websocket"} and "//" in scope["path"]:
            scope["path"] = _SLASHES.sub("/", scope["path"])
        await self._app(scope, receive, send)
