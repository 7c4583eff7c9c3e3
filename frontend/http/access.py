"""What surrounds every request: its id, its log line, its count, and the last catch of errors."""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontend.observe import context
from frontend.observe.metrics import Metrics
from frontend.storage.files import FILES_PATH

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER = "x-request-id"
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked all the time: neither traced nor logged but for debugging."""
_MAX_PATH_CHARS = 200
_SWITCHING_PROTOCOLS, _FORBIDDEN = 101, 403
_FILES = f"{FILES_PATH}/"


@dataclass(frozen=True, slots=True)
class Served:
    """Which model and version made what a request got; a route sets `request.state.served`."""

    model: str
    version: str


_NOTHING = Served("", "")


class Access:
    """ASGI middleware; `render` makes the answer for an error that nobody expected."""

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, render: Callable[[Request, str], Response]
    ) -> None:
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _match(_SANE_ID, headers.get(REQUEST_ID_HEADER)) or uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        tokens = (
            context.request_id.set(request_id),
            context.traceparent.set(_match(_TRACEPARENT, headers.get("traceparent"))),
        )
        try:
            answer = _Answer(send, request_id)
            if scope["type"] == "http":
                await self._answer(scope, receive, answer)
            else:
                await self._converse(scope, receive, answer)
        finally:
            context.request_id.reset(tokens[0])
            context.traceparent.reset(tokens[1])

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        start = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("unexpected_error")
            if answer.status is not None:
                raise  # half an answer is out: the server must break the connection
            response = self._render(Request(scope), answer.request_id)
            await response(scope, receive, answer.send)
        finally:
            self._record(scope, answer, time.perf_counter() - start)

    async def _converse(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        start = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("unexpected_error")
            raise  # the server closes the connection with 1011
        finally:
            self._record(scope, answer, time.perf_counter() - start)

    def _record(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        contract = scope["state"].get("contract", "none")
        owner = scope["state"].get("owner")
        served: Served = scope["state"].get("served", _NOTHING)
        status = answer.status
        self._metrics.http_requests.labels(
            contract, status or "none", served.model, served.version
        ).inc()
        if scope["type"] == "http":  # how long a WebSocket is open is its client's affair
            self._metrics.http_seconds.labels(contract).observe(seconds)
        write = log.debug if scope["path"] in PROBES else log.info
        write(
            "request",
            method=scope.get("method", "WEBSOCKET"),
            path=_shorten_path(scope["path"]),
            contract=contract,
            status=status,
            seconds=round(seconds, 4),
            **({"model": served.model, "version": served.version} if served.model else {}),
            **({"key": owner} if owner else {}),
        )


class _Answer:
    """The way out: adds the id, remembers the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = self.request_id
        elif message["type"] == "websocket.accept":
            self.status = _SWITCHING_PROTOCOLS
            MutableHeaders(raw=message.setdefault("headers", []))[REQUEST_ID_HEADER] = (
                self.request_id
            )
        elif message["type"] == "websocket.close" and self.status is None:
            self.status = _FORBIDDEN  # the server's answer to a handshake that is refused
        await self._send(message)


def _shorten_path(path: str) -> str:
    # What follows opens the file for whoever reads the log.
    return f"{_FILES}…" if path.startswith(_FILES) else path[:_MAX_PATH_CHARS]


def _match(pattern: re.Pattern[str], value: str | None) -> str | None:
    return value if value is not None and pattern.fullmatch(value) else None
