import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Message
from structlog.testing import capture_logs

from frontend.app import create_app
from frontend.errors import Overloaded
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

GENERATE = "/v1/audio/generate"
RAIN = {"input": "rain on a secret roof", "audio_length": 1.0}


async def test_text_goes_in_and_sound_comes_out(client: httpx2.AsyncClient) -> None:
    answer = await client.post(GENERATE, json=RAIN)
    assert answer.status_code == 200
    assert answer.content[:4] == b"RIFF"
    assert len(answer.content) == 44 + 2 * 16_000


async def test_the_first_request_finds_every_route_built(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(make_settings(), gateway)
    async with app.router.lifespan_context(app):
        built: list[object] = []
        monkeypatch.setattr("fastapi.routing.get_dependant", lambda **kind: built.append(kind))
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://tritone") as client:
            assert (await client.post("/musicgpt/sound_generator", json={})).status_code == 422
            assert (await client.post(GENERATE, json=RAIN)).status_code == 200
    assert built == []


async def test_a_sane_request_id_is_kept(gateway: FakeGateway, client: httpx2.AsyncClient) -> None:
    answer = await client.post(GENERATE, json=RAIN, headers={"x-request-id": "trace-7"})
    assert answer.headers["x-request-id"] == "trace-7"
    assert gateway.options[0].request_id == "trace-7"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "{}"])
async def test_any_other_request_id_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/livez", headers={"x-request-id": given})
    assert len(answer.headers["x-request-id"]) == 32


async def test_every_request_leaves_one_line_without_its_prompt(client: httpx2.AsyncClient) -> None:
    with capture_logs() as lines:
        await client.post(GENERATE, json=RAIN)
    (line,) = (line for line in lines if line["event"] == "request")
    assert (line["method"], line["path"], line["status"]) == ("POST", GENERATE, 200)
    assert line["contract"] == "vllm-omni"
    assert line["seconds"] >= 0
    assert "secret" not in str(lines)


async def test_probes_are_not_worth_a_line(client: httpx2.AsyncClient) -> None:
    with capture_logs() as lines:
        await client.get("/livez")
    assert [line["log_level"] for line in lines] == ["debug"]


async def test_requests_are_counted_by_contract_and_status(client: httpx2.AsyncClient) -> None:
    await client.post(GENERATE, json=RAIN)
    await client.post(GENERATE, json={})
    metrics = (await client.get("/metrics")).text
    count = 'tritone_http_requests_total{contract="vllm-omni",model="%s",status="%d",version="%s"}'
    assert count % ("starter", 200, "1") + " 1.0" in metrics
    assert count % ("", 422, "") + " 1.0" in metrics
    stage = 'tritone_generation_stage_duration_seconds_count{model="starter",stage="encoding"} 1.0'
    assert stage in metrics


async def test_an_overload_says_when_to_come_back(
    gateway: FakeGateway, client: httpx2.AsyncClient
) -> None:
    gateway.error = Overloaded("busy", retry_after_s=2.4)
    answer = await client.post(GENERATE, json=RAIN)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", GENERATE, 405), ("POST", "/livez", 405)],
)
async def test_what_no_route_matches_is_still_an_error_object(
    client: httpx2.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.status_code in {status, 404}  # LocalAI knows no 405
    if answer.status_code == 405:
        assert answer.headers["allow"]


async def chunks(n_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(n_bytes // 100):
        yield b" " * 100


@pytest.mark.parametrize("path", [GENERATE, "/v1/sound-generation"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_large_body_is_refused_in_the_contracts_words(
    client_of: ClientFactory, gateway: FakeGateway, path: str, *, is_chunked: bool
) -> None:
    body: Any = chunks(3000) if is_chunked else b" " * 3000
    async with client_of(gateway, make_settings(max_body_bytes=2048)) as client:
        answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert {"error", "detail"} & answer.json().keys()


@pytest.mark.parametrize("length", ["", "-5", "1e3", "\u0665", "many"])
async def test_a_nonsensical_content_length_is_no_crash(gateway: FakeGateway, length: str) -> None:
    status = await status_of(create_app(make_settings(), gateway), {"content-length": length})
    assert status == 422


async def status_of(app: FastAPI, headers: dict[str, str]) -> int:
    """Post an empty body past the client library, which would correct the headers."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    named = {"host": "localhost", **headers}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    scope = {"type": "http", "method": "POST", "path": GENERATE, "headers": raw}
    await app({**scope, "query_string": b"", "root_path": ""}, receive, send)
    return int(sent[0]["status"])


async def test_a_link_to_a_file_is_not_in_the_log(client: httpx2.AsyncClient) -> None:
    with capture_logs() as lines:
        await client.get("/files/a-token-that-opens")
    assert "a-token" not in str(lines)
    assert lines[-1]["path"] == "/files/…"


async def test_what_nobody_expected_is_answered_and_logged_without_values(
    gateway: FakeGateway, client: httpx2.AsyncClient
) -> None:
    gateway.error = LookupError("internal detail")
    with capture_logs() as lines:
        answer = await client.post(GENERATE, json=RAIN, headers={"x-request-id": "r7"})
    assert answer.status_code == 500
    assert "internal detail" not in answer.text
    assert answer.headers["x-request-id"] == "r7"
    events = [line["event"] for line in lines]
    assert events == ["unexpected_error", "request"]
    answer = await client.get("/livez")
    assert answer.status_code == 200


async def test_half_an_answer_is_not_completed(gateway: FakeGateway) -> None:
    app = create_app(make_settings(), gateway)

    async def half(scope: object, receive: object, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError

    app.mount("/half", half)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tritone") as client:
        with pytest.raises(LookupError), capture_logs() as lines:
            await client.get("/half/")
    assert lines[-1]["status"] == 200


async def test_a_client_that_leaves_stops_the_work(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    app = create_app(make_settings(), gateway)
    body = json.dumps(RAIN).encode()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[Message] = []

    async def receive() -> Message:
        message = next(messages, None)
        if message is None:
            while not gateway.options:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": GENERATE, "headers": headers}
    with capture_logs() as lines:
        await app({**scope, "query_string": b"", "root_path": ""}, receive, send)
    assert gateway.cancelled == [gateway.options[0].pass_id]
    assert sent[0]["status"] == 499  # the server has nobody to send it to
    assert lines[-1]["status"] == 499


async def test_the_gateway_lives_as_long_as_the_app(gateway: FakeGateway) -> None:
    was_open: list[bool] = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(messages)

    async def send(_message: Message) -> None:
        was_open.append(gateway.is_open)

    app = create_app(make_settings(), gateway)
    await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert was_open == [True, False]


async def test_the_documentation_is_served(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/docs")).status_code == 200
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {GENERATE, "/readyz", "/v1/sound-generation"} <= paths.keys()


def test_logging_is_left_alone_until_the_program_runs() -> None:
    assert not [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
