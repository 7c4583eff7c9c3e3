"""Answers below uvicorn's own: for connections that have none yet, and for HTTP/1.0."""

from http import HTTPStatus

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class OpenEnded:
    """Sends answers to HTTP/1.0 without chunks: what has no length ends with the connection.

    Source: RFC 9112, section 6.1.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        """Stand in for the cycle's own `send`."""
        self._cycle = cycle
        self._send = cycle.send
        self._has_length = False

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            self._has_length = b"content-length" in names
            if not self._has_length:
                self._cycle.chunked_encoding = False
        elif not self._has_length:
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)  # type: ignore[arg-type]


def make_answer(status: int, message: str) -> bytes:
    """Return a whole answer of one line, after which the connection ends."""
    body = message.encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
