"""Bounds for connections: how many, how long each keeps us waiting, how much of a request we hold.

uvicorn has no such bounds. Here every connection is *waiting* until a whole request has arrived,
and again when it is answered. When there are too many connections, the one that has waited longest
makes room: of the address that has most. So somebody who opens thousands and sends nothing costs
nobody else a request.
"""

import re
import resource
from asyncio import AbstractEventLoop, Transport
from collections import Counter
from typing import Any

from starlette.types import Message
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

KEEP_ALIVE_S = 75  # proxies keep idle connections for 60 s; who closes first loses requests
MAX_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 10.0  # from its first byte to its last
BODY_TIMEOUT_S = 30.0  # and as much longer as its bytes need at the lowest rate
_LOWEST_BYTES_PER_S = 1000.0
_MAX_FRAMING_BYTES = 1024 * 1024  # chunk sizes, extensions and trailers of one body
_SWEEP_S = 1.0
_RESERVED_FILES = 256  # for Triton, the database, webhooks and files
_FEWEST, _MOST = 64, 10_000
# RFC 9110, section 7.8: an offer that nobody takes is ignored. To the parser it ends the request.
_FOREIGN_UPGRADE = re.compile(rb"\r\nupgrade:(?![ \t]*websocket)", re.IGNORECASE)


def count_possible_connections() -> int:
    """Return how many connections may be open at once; raises the limit of open files for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _RESERVED_FILES
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < raised:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return max(_FEWEST, min(_MOST, max(soft, raised) - _RESERVED_FILES))


class ConnectionTable:
    """The connections of one server."""

    def __init__(self, max_connections: int) -> None:
        """`max_connections` bounds all of them together, upgraded ones too."""
        self._max_connections = max_connections
        self._waiting: dict[BoundedConnection, None] = {}  # who waits longest comes first
        self._is_sweeping = False

    def begin_wait(self, connection: "BoundedConnection") -> None:
        """Take a connection for one that has no whole request to work on, from now on."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None
        if not self._is_sweeping:
            self._is_sweeping = True
            connection.loop.call_later(_SWEEP_S, self._sweep, connection.loop)

    def end_wait(self, connection: "BoundedConnection") -> None:
        """Take a connection for one whose request is worked on, or that is gone."""
        self._waiting.pop(connection, None)

    def make_room(self, n_connections: int) -> bool:
        """Return whether there is room for the newest connection; close a waiting one for it."""
        if n_connections <= self._max_connections:
            return True
        if not self._waiting:
            return False
        (busiest, _), *_ = Counter(each.address for each in self._waiting).most_common(1)
        oldest = next(each for each in self._waiting if each.address == busiest)
        self.end_wait(oldest)
        oldest.transport.abort()
        return True

    def _sweep(self, loop: AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [each for each in self._waiting if each.deadline < now]:
            connection.transport.close()  # whoever is so slow reads no answer either
        self._is_sweeping = bool(self._waiting)
        if self._is_sweeping:
            loop.call_later(_SWEEP_S, self._sweep, loop)


class BoundedConnection(HttpToolsProtocol):
    """One connection of HTTP/1: uvicorn's, with bounds, for the clients that there really are."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        table: ConnectionTable,
    ) -> None:
        """Join no table before the connection is made."""
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self.deadline = float("inf")  # on the loop's clock; while waiting
        self._table = table
        self._is_in_head = True
        self._n_head_bytes = 0
        self._n_framing_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Join the others, or leave at once where there are too many."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if not self._table.make_room(len(self.connections)):
            self.refuse(503, "Too many connections; try again later.")
            return
        self._wait(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the others."""
        self._table.end_wait(self)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Leave the others: its own protocol has its own bounds."""
        self._table.end_wait(self)
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        if self._is_in_head:
            if self._n_head_bytes == 0:
                self._wait(HEAD_TIMEOUT_S)
            self._n_head_bytes += len(data)
            data = _ignore_foreign_upgrades(data)
        else:
            self.deadline += len(data) / _LOWEST_BYTES_PER_S
            self._n_framing_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head and self._n_head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, f"The head of a request may have {MAX_HEAD_BYTES} bytes.")
        elif self._n_framing_bytes > _MAX_FRAMING_BYTES:
            self.refuse(400, "The body has more framing than content.")

    def on_headers_complete(self) -> None:
        """Begin to work on a request, whose body may still be on its way."""
        self._is_in_head = False
        self._n_head_bytes = self._n_framing_bytes = 0
        self.deadline = self.loop.time() + BODY_TIMEOUT_S
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["http_version"] == "1.0":
            self.cycle.send = _OpenEnded(self.cycle)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._n_framing_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the client no longer: it waits for us."""
        self._is_in_head = True
        self._n_head_bytes = self._n_framing_bytes = 0
        if self.cycle is None or self.cycle.response_complete:
            self._wait(KEEP_ALIVE_S)
        else:
            self._table.end_wait(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:  # else: it closes, or has a request already
            self._wait(KEEP_ALIVE_S)

    def _wait(self, timeout_s: float) -> None:
        self.deadline = self.loop.time() + timeout_s
        self._table.begin_wait(self)

    def refuse(self, status: int, message: str) -> None:
        """Answer, where no answer has begun, and close."""
        self._table.end_wait(self)
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_make_answer(status, message))
        self.transport.close()


class _OpenEnded:
    """Sends answers to HTTP/1.0 without chunks: what has no length ends with the connection.

    Source: RFC 9112, section 6.1.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._send = cycle.send
        self._has_length = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            self._has_length = b"content-length" in names
            if not self._has_length:
                self._cycle.chunked_encoding = False
        elif not self._has_length:
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)  # type: ignore[arg-type]


def _ignore_foreign_upgrades(data: bytes) -> bytes:
    if b"pgrade" not in data and b"PGRADE" not in data:
        return data
    head, end, rest = data.partition(b"\r\n\r\n")
    return _FOREIGN_UPGRADE.sub(b"\r\nx-ignored-upgrade:", head) + end + rest


def _make_answer(status: int, message: str) -> bytes:
    body = message.encode()
    phrases = {400: "Bad Request", 503: "Service Unavailable"}
    phrase = phrases.get(status, "Request Header Fields Too Large")
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
