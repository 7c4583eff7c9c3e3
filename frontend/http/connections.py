"""Bounds for connections: how many, how long each keeps us waiting, how much of a request we hold.

uvicorn has no such bounds. Here every connection is *waiting* until a whole request has arrived,
and again when it is answered. When there are too many connections, the one that has waited longest
makes room: of the address that has most. So somebody who opens thousands and sends nothing costs
nobody else a request. Who does not read an answer is waited for in the same way.
"""

import resource
from asyncio import AbstractEventLoop, Transport
from collections import defaultdict
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn import Config
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from frontend.http.half_closed import HalfClosed
from frontend.http.raw_answers import OpenEnded, make_answer

KEEP_ALIVE_S = 75  # proxies keep idle connections for 60 s; who closes first loses requests
MAX_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 10.0  # from its first byte to its last
BODY_TIMEOUT_S = 30.0  # for what lags behind the lowest rate
SEND_TIMEOUT_S = 60.0  # in which a client reads nothing of an answer
_LOWEST_BYTES_PER_S = 1000.0
_MAX_FRAMING_BYTES = 1024 * 1024  # chunk sizes, extensions and trailers of one body
_HELD_BYTES = 32 * 1024  # of a body, for whose rest nobody begins to work
_SWEEP_S = 1.0
_RESERVED_FILES = 256  # for Triton, the database, webhooks and files
_FEWEST, _MOST = 64, 10_000


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
        # By address; of each, who has waited longest comes first.
        self._waiting: dict[str, dict[BoundedConnection, None]] = defaultdict(dict)
        self._is_sweeping = False

    def begin_wait(self, connection: "BoundedConnection") -> None:
        """Take a connection for one that has no whole request to work on, from now on."""
        of_address = self._waiting[connection.address]
        of_address.pop(connection, None)
        of_address[connection] = None
        if not self._is_sweeping:
            self._is_sweeping = True
            connection.loop.call_later(_SWEEP_S, self._sweep, connection.loop)

    def end_wait(self, connection: "BoundedConnection") -> None:
        """Take a connection for one whose request is worked on, or that is gone."""
        of_address = self._waiting.get(connection.address, {})
        of_address.pop(connection, None)
        if not of_address:
            self._waiting.pop(connection.address, None)

    def make_room(self, n_connections: int) -> bool:
        """Return whether there is room for the newest connection; close a waiting one for it."""
        if n_connections <= self._max_connections:
            return True
        if not self._waiting:
            return False
        busiest = max(self._waiting.values(), key=len)
        oldest = next(iter(busiest))
        self.end_wait(oldest)
        oldest.transport.abort()
        return True

    def _sweep(self, loop: AbstractEventLoop) -> None:
        for connection in [each for of_address in self._waiting.values() for each in of_address]:
            if connection.is_too_slow(loop.time()):
                connection.transport.abort()  # to close, it would have to read what is left
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
        self._n_unread_bytes = 0
        self._held: tuple[RequestResponseCycle, ASGI3Application] | None = None

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

    def eof_received(self) -> bool:  # type: ignore[override]
        """Return whether the client may still wait for an answer, which is the last one then."""
        cycle = self.cycle
        if cycle is None or cycle.response_started or cycle.more_body or self.pipeline:
            return False
        cycle.keep_alive = False
        cycle.transport = HalfClosed(self.transport, self.loop)  # type: ignore[assignment]
        return True

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
        else:
            latest = self.loop.time() + BODY_TIMEOUT_S
            self.deadline = min(latest, self.deadline + len(data) / _LOWEST_BYTES_PER_S)
            self._n_framing_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parse(data)
        self._n_framing_bytes = max(0, self._n_framing_bytes)  # a head's piece may hold a body, too
        if self.transport.is_closing():
            return
        if self._is_in_head and self._n_head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, f"The head of a request may have {MAX_HEAD_BYTES} bytes.")
        elif self._n_framing_bytes > _MAX_FRAMING_BYTES:
            self.refuse(400, "The body has more framing than content.")

    def _parse(self, data: bytes) -> None:
        """Parse as uvicorn does, but ignore an offer to upgrade that nobody takes.

        To the parser such an offer ends the request before its body. So a new parser gets the head
        without the offer, then the rest. Source: RFC 9110, section 7.8.
        """
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
                return
            except HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            except HttpParserUpgrade as offer:
                if self._should_upgrade():
                    self.handle_websocket_upgrade()
                    return
                head = self._write_head_without_offer()
                self.parser = type(self.parser)(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn
                self.parser.feed_data(head)
                rest = rest[offer.args[0] :]

    def _write_head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % each for each in self.headers if each[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _has_foreign_offer(self) -> bool:
        return self.parser.should_upgrade() and not self._should_upgrade()

    def on_headers_complete(self) -> None:
        """Begin to work on a request, whose body may still be on its way."""
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("This is no proxy.")
        if self._has_foreign_offer():
            return
        self._is_in_head = False
        self._n_head_bytes = self._n_framing_bytes = 0
        self.deadline = self.loop.time() + BODY_TIMEOUT_S
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["http_version"] == "1.0":
            self.cycle.send = OpenEnded(self.cycle)  # type: ignore[assignment]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to work on a request once its body is there, or much of it.

        Thousands who send half a request cost a task, a log line and an error each otherwise.
        """
        self._held = (cycle, app)
        length = next((v for k, v in cycle.scope["headers"] if k == b"content-length"), b"0")
        if cycle.waiting_for_100_continue or int(length) > _HELD_BYTES:
            self._begin()
        else:
            self._begin_if_whole()

    def _begin_if_whole(self) -> None:
        if self._held is not None:
            cycle, _ = self._held
            if not cycle.more_body or len(cycle.body) > _HELD_BYTES:
                self._begin()

    def _begin(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            super()._start_asgi_task(*held)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._n_framing_bytes -= len(body)
        super().on_body(body)
        self._begin_if_whole()

    def on_message_complete(self) -> None:
        """Wait for the client no longer: it waits for us."""
        if self._has_foreign_offer():
            return
        self._is_in_head = True
        self._n_head_bytes = self._n_framing_bytes = 0
        if self.cycle is None or self.cycle.response_complete:
            self._wait(KEEP_ALIVE_S)
        else:
            self._table.end_wait(self)
        super().on_message_complete()
        self._begin_if_whole()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:  # else: it closes, or has a request already
            self._wait(KEEP_ALIVE_S)

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._wait(SEND_TIMEOUT_S)

    def resume_writing(self) -> None:
        """Wait for the client no longer, if an answer is being made."""
        super().resume_writing()
        if self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body):
            self._table.end_wait(self)

    def is_too_slow(self, now: float) -> bool:
        """Return whether a waiting client has had its time; `now` is on the loop's clock."""
        n_unread_bytes = self.transport.get_write_buffer_size()
        if 0 < n_unread_bytes < self._n_unread_bytes:
            self.deadline = max(self.deadline, now + SEND_TIMEOUT_S)
        self._n_unread_bytes = n_unread_bytes
        waits_for_us = self.flow.read_paused and not n_unread_bytes
        return self.deadline < now and not waits_for_us

    def _wait(self, timeout_s: float) -> None:
        self.deadline = self.loop.time() + timeout_s
        self._table.begin_wait(self)

    def refuse(self, status: int, message: str) -> None:
        """Answer, where no answer has begun, and close."""
        self._wait(SEND_TIMEOUT_S)
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(make_answer(status, message))
        self.transport.close()
