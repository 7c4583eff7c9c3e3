"""A client of ElevenLabs' WebSocket, and a server on a loopback port for it."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from frontend.settings import Settings
from tests.conftest import make_app, make_settings
from tests.fakes import FakeGateway

PATH = "/v1/text-to-speech/anna/stream-input"
FIRST = {"text": " ", "try_trigger_generation": True, "voice_settings": None}
END = {"text": ""}
PATIENCE_S = 20.0


@asynccontextmanager
async def serving(gateway: FakeGateway, settings: Settings | None = None) -> AsyncIterator[str]:
    """Serve on a loopback port; give `host:port`."""
    async with serving_app(make_app(settings or make_settings(), gateway)) as address:
        yield address


@asynccontextmanager
async def serving_app(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on a loopback port; give `host:port`."""
    server = uvicorn.Server(
        uvicorn.Config(app, ws="websockets-sansio", log_config=None, lifespan="off")
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait_for(running, PATIENCE_S)


@asynccontextmanager
async def talking(
    gateway: FakeGateway,
    query: str = "?output_format=pcm_24000",
    settings: Settings | None = None,
    **headers: str,
) -> AsyncIterator[ClientConnection]:
    """Give a connection to a server of its own."""
    async with serving(gateway, settings) as address:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"ws://{address}{PATH}{query}"
        async with connect(url, additional_headers=named, proxy=None) as connection:
            yield connection


async def say(connection: ClientConnection, *messages: object) -> None:
    with suppress(ConnectionClosed):  # what was refused already is seen by whoever listens
        for message in messages:
            await connection.send(json.dumps(message))


async def receive(connection: ClientConnection) -> dict[str, Any]:
    received: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), PATIENCE_S))
    return received


async def listen(connection: ClientConnection) -> tuple[list[dict[str, Any]], int, str]:
    """Return every message until the connection is closed, and its close code and reason."""
    received = []
    while True:
        try:
            received.append(await receive(connection))
        except ConnectionClosed:
            return received, connection.close_code or 0, connection.close_reason or ""


def join_audio(received: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(each["audio"]) for each in received if each.get("audio"))
