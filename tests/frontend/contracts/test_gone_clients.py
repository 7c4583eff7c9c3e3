"""A client that goes takes its work with it, and is no error of ours."""

import asyncio
import json
from collections.abc import Callable

import pytest
from starlette.types import Message, Scope

from frontend.triton.gateway import Catalog
from tests.conftest import make_app, make_settings
from tests.fakes import FakeGateway
from tritone.card import ModelCard

BODY = json.dumps({"input": "rain", "text": "rain", "model_id": "starter"}).encode()
PATHS = ["/v1/audio/generate", "/v1/sound-generation", "/localai/v1/sound-generation"]


def _scope(path: str) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"content-type", b"application/json")],
    }


async def _statuses(
    gateway: FakeGateway, path: str, body: Message, may_go: Callable[[], bool]
) -> list[int]:
    """Send `body`, go as soon as `may_go`, and return the statuses that were sent to nobody."""
    statuses = []
    messages = [body]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        while not may_go():  # noqa: ASYNC110 (the fake has no event for it)
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    app = make_app(make_settings(), gateway)
    await asyncio.wait_for(app(_scope(path), receive, send), 10)
    return statuses


@pytest.mark.parametrize("path", PATHS)
async def test_the_work_stops_when_the_client_goes(path: str, card: ModelCard) -> None:
    gateway = FakeGateway(Catalog(cards=(card,)), gate=asyncio.Event())
    body = {"type": "http.request", "body": BODY}
    statuses = await _statuses(gateway, path, body, lambda: bool(gateway.options))
    assert gateway.cancelled == [gateway.options[0].pass_id]
    assert statuses == [499]


@pytest.mark.parametrize("path", PATHS)
async def test_half_a_body_is_no_error_of_ours(path: str, gateway: FakeGateway) -> None:
    body = {"type": "http.request", "body": BODY[:10], "more_body": True}
    assert await _statuses(gateway, path, body, lambda: True) == [499]
    assert gateway.options == []
