"""A WebSocket whose messages are JSON objects: bounded, with a key, and with errors as messages."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from frontend.contracts.kit.app_parts import get_metrics
from frontend.contracts.kit.body import JsonObject, parse_object
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.errors import BodyTooLarge
from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    FrontendError,
    InvalidRequest,
    Overloaded,
    TritoneError,
    Unauthenticated,
)
from frontend.http.disconnect import ClientGone

MAX_MESSAGE_BYTES = 256 * 1024

# RFC 6455, section 7.4.1, and the registry of close codes that it names
NORMAL, POLICY_VIOLATION, TOO_BIG, INTERNAL_ERROR, TRY_AGAIN_LATER = 1000, 1008, 1009, 1011, 1013
_CLOSE_CODES: Mapping[type[TritoneError], int] = {
    BodyTooLarge: TOO_BIG,
    InvalidRequest: POLICY_VIOLATION,
    Unauthenticated: POLICY_VIOLATION,
    Forbidden: POLICY_VIOLATION,
    DeadlineExceeded: POLICY_VIOLATION,
    Overloaded: TRY_AGAIN_LATER,
    BackendUnavailable: TRY_AGAIN_LATER,
    TritoneError: INTERNAL_ERROR,
}


class InputTimeout(FrontendError):
    """The client sent nothing for too long."""

    def __init__(self, timeout_s: float) -> None:
        """Say how long that was."""
        super().__init__(f"No message came for {timeout_s:g} seconds; the connection ends.")


class Conversation:
    """Reads and writes messages. One task may read while another writes."""

    def __init__(self, websocket: WebSocket) -> None:
        """Take a socket that is accepted."""
        self._websocket: Final = websocket

    async def receive(self) -> JsonObject:
        """Return the next message.

        Raises:
            MalformedRequest: it is no JSON object.
            BodyTooLarge: it is too long.
            ClientGone: there is none.
        """
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise ClientGone
        text: str | None = message.get("text")
        raw: bytes = (message.get("bytes") or b"") if text is None else text.encode()
        if len(raw) > MAX_MESSAGE_BYTES:
            raise BodyTooLarge(f"A message may have at most {MAX_MESSAGE_BYTES} bytes.")
        return parse_object(raw, "application/json")

    async def receive_within(self, timeout_s: float) -> JsonObject:
        """Return the next message.

        Raises:
            InputTimeout: none came in time.
            TritoneError, ClientGone: as `receive`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self.receive()
        except TimeoutError as error:
            raise InputTimeout(timeout_s) from error

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; return when the client's side has room for it.

        Raises:
            ClientGone: the connection is closed.
        """
        try:
            await self._websocket.send_text(json.dumps(message))
        except (WebSocketDisconnect, RuntimeError) as error:
            raise ClientGone from error


async def converse(
    websocket: WebSocket, envelope: Envelope, talk: Callable[[Conversation], Awaitable[None]]
) -> None:
    """Accept a connection, let `talk` have it, and close it; an error is its last message."""
    websocket.state.contract = envelope.name  # for the log line and the count of requests
    await websocket.accept()
    conversation = Conversation(websocket)
    try:
        try:
            await talk(conversation)
            await websocket.close(NORMAL)
        except InputTimeout as error:
            await _refuse(conversation, websocket, str(error), "input_timeout_exceeded")
        except TritoneError as error:
            if isinstance(error, Overloaded):
                get_metrics(websocket).refused.labels(envelope.name, error.reason).inc()
            name = envelope.find_entry(type(error)).code
            await _refuse(conversation, websocket, error.message, name, _find_code(error))
    except (ClientGone, WebSocketDisconnect):
        return  # there is nobody to tell


def _find_code(error: TritoneError) -> int:
    return next(_CLOSE_CODES[kind] for kind in type(error).__mro__ if kind in _CLOSE_CODES)


async def _refuse(
    conversation: Conversation,
    websocket: WebSocket,
    message: str,
    name: str,
    code: int = POLICY_VIOLATION,
) -> None:
    await conversation.send({"message": message, "error": name, "code": code})
    await websocket.close(code, name)
