"""An answer that is sent while it is made, and that holds what it needs until its end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class StreamedAnswer(StreamingResponse):
    """Streams a body; when it ends, or the client goes, the work behind it is stopped.

    A body that fails half-way breaks the connection: the client sees that its end is missing.
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        close: Callable[[], Awaitable[None]],
        *,
        headers: Mapping[str, str],
    ) -> None:
        """`close` stops the work behind the body; it may be called more than once."""
        super().__init__(body, headers=dict(headers))
        self._close = close
        self._held = AsyncExitStack()

    def hold(self, resources: AsyncExitStack) -> None:
        """Release these at the end of the answer, not at the end of the route."""
        self._held = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        async with self._held:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._close()
