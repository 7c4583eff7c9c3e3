"""HEAD is answered wherever GET is, and alike but for the body. Source: RFC 9110, section 9.3.2."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware; asks for GET and keeps the body back. A stream is stopped at its start."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`, which needs to know nothing of HEAD."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_stopped = False

        async def send_head(message: Message) -> None:
            nonlocal is_stopped
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            elif message.get("more_body"):
                is_stopped = True  # it may never end by itself: events do not
                working.cancel()
                await asyncio.Event().wait()

        get = {**scope, "method": "GET"}
        working = asyncio.ensure_future(self._run(get, receive, send_head))
        try:
            await working
        except asyncio.CancelledError:
            if not is_stopped:
                raise

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
