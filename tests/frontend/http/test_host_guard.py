"""Which names and pages reach a server that asks for no key."""

import json
from collections.abc import AsyncIterator
from typing import cast

import httpx2
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from frontend.errors import InvalidRequest, TritoneError
from frontend.http.host_guard import HostGuard
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

GENERATE = "/v1/audio/generate"
EVIL = "https://evil.example"
STUDIO = "https://studio.example.org"
KEY = "k" * 16
FORM = {"content-type": "text/plain"}  # what a form of a foreign page may send without asking


@pytest.fixture
async def public(
    client_of: ClientFactory, gateway: FakeGateway
) -> AsyncIterator[httpx2.AsyncClient]:
    """A server with a public URL, an allowed name and an allowed page."""
    settings = make_settings(
        storage={"public_url": "https://sounds.example.org"},
        allowed_hosts=["Alias.example.org"],
        cors_origins=[STUDIO],
    )
    async with client_of(gateway, settings) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "EVIL.example", "localhost.evil.example"),
        *("127.0.0.1.evil.example", "127.0.0.1@evil.example", "evil.example.", "a b", "x/y"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/webhook-secrets", "/jobs", "/docs", "/nowhere"])
async def test_a_foreign_name_reads_nothing(
    client: httpx2.AsyncClient, host: str, path: str
) -> None:
    answer = await client.get(path, headers={"host": host})
    assert answer.status_code == 403
    assert "TRITONE_ALLOWED_HOSTS" in answer.text
    assert "whsec" not in answer.text


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "192.168.1.4", "frontend"),
        *("frontend:8080", "studio.lan:8080", "studio.local", "tritone.internal", "LOCALHOST."),
    ],
)
async def test_addresses_and_names_of_the_local_network_work(
    client: httpx2.AsyncClient, host: str
) -> None:
    assert (await client.get("/v1/models", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["sounds.example.org", "alias.example.org:443"])
async def test_configured_names_work(public: httpx2.AsyncClient, host: str) -> None:
    assert (await public.get("/v1/models", headers={"host": host})).status_code == 200
    refused = await public.get("/v1/models", headers={"host": "evil.example"})
    assert refused.status_code == 403


async def test_several_hosts_are_refused_where_one_is_known_too(client: httpx2.AsyncClient) -> None:
    both = [("host", "localhost"), ("host", "evil.example")]
    assert (await client.get("/v1/models", headers=both)).status_code == 400


async def test_a_forwarded_host_hides_no_foreign_one(client: httpx2.AsyncClient) -> None:
    # A rebound page can set this header itself, and comes from this machine.
    headers = {"host": "evil.example", "x-forwarded-host": "localhost"}
    assert (await client.get("/v1/models", headers=headers)).status_code == 403
    headers = {"host": "localhost", "x-forwarded-host": "evil.example"}
    assert (await client.get("/v1/models", headers=headers)).status_code == 403


@pytest.mark.parametrize("origin", [EVIL, "null", "http://192.168.1.9", f"{STUDIO}.evil.example"])
@pytest.mark.parametrize("path", ["/jobs", GENERATE, "/deliveries/msg_x/redeliver"])
async def test_a_foreign_page_makes_nothing(
    public: httpx2.AsyncClient, gateway: FakeGateway, origin: str, path: str
) -> None:
    body = json.dumps({"prompt": "rain", "input": "rain"})
    answer = await public.post(path, content=body, headers=FORM | {"origin": origin})
    assert answer.status_code == 403
    assert "TRITONE_CORS_ORIGINS" in answer.text
    assert gateway.passes == []


@pytest.mark.parametrize(
    "origin",
    [STUDIO, "http://localhost:3000", "http://127.0.0.1:5173", "https://sounds.example.org"],
)
async def test_allowed_pages_may_write(public: httpx2.AsyncClient, origin: str) -> None:
    answer = await public.post(GENERATE, json={"input": "rain"}, headers={"origin": origin})
    assert answer.status_code == 200


async def test_our_own_page_may_write_under_whatever_name_it_was_opened(
    client: httpx2.AsyncClient,
) -> None:
    headers = {"host": "studio.lan:8080", "origin": "http://studio.lan:8080"}
    answer = await client.post(GENERATE, json={"input": "rain"}, headers=headers)
    assert answer.status_code == 200


async def test_reading_needs_no_allowed_page(client: httpx2.AsyncClient) -> None:
    # The page itself cannot see the answer.
    answer = await client.get("/v1/models", headers={"origin": EVIL})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_where_keys_are_required_they_decide(
    client_of: ClientFactory, gateway: FakeGateway
) -> None:
    async with client_of(gateway, make_settings(keys={"static": [KEY]})) as client:
        headers = {"host": "tritone.example.com", "origin": EVIL}
        assert (await client.get("/v1/models", headers=headers)).status_code == 401
        headers["x-api-key"] = KEY
        answer = await client.post(GENERATE, json={"input": "rain"}, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("hosts", "version", "is_served"),
    [
        (["localhost"], "1.1", True),
        ([], "1.1", False),
        (["localhost", "localhost"], "1.1", False),
        ([], "1.0", True),
        (["localhost", "localhost"], "1.0", False),
    ],
)
@pytest.mark.parametrize("keys", [{}, {"static": [KEY]}])
async def test_a_request_names_one_host(
    hosts: list[str], version: str, keys: dict[str, list[str]], *, is_served: bool
) -> None:
    served: list[Scope] = []
    refused: list[TritoneError] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        served.append(scope)

    def render(_request: object, error: TritoneError) -> Response:
        refused.append(error)
        return Response()

    async def send(_message: Message) -> None:
        pass

    guard = HostGuard(application, settings=make_settings(keys=keys), render=render)
    headers = [(b"host", host.encode()) for host in hosts]
    scope = {"type": "http", "method": "GET", "http_version": version, "headers": headers}
    await guard(scope, cast("Receive", None), send)
    assert (len(served), len(refused)) == ((1, 0) if is_served else (0, 1))
    assert all(isinstance(error, InvalidRequest) for error in refused)


async def test_the_refusal_is_in_the_words_of_the_contract(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/user", headers={"host": "evil.example"})
    assert answer.json()["detail"]["code"] == "forbidden"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_allowed_page_passes_the_private_network_preflight(
    public: httpx2.AsyncClient,
) -> None:
    preflight = {
        "origin": STUDIO,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
        "access-control-request-private-network": "true",
    }
    answer = await public.options(GENERATE, headers=preflight)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-private-network"] == "true"
    answer = await public.options(GENERATE, headers=preflight | {"origin": EVIL})
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


async def test_a_foreign_page_opens_no_websocket() -> None:
    sent: list[Message] = []

    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("reached")

    async def receive() -> Message:
        raise AssertionError("asked")

    async def send(message: Message) -> None:
        sent.append(message)

    def render(_request: object, error: TritoneError) -> None:
        raise error

    guard = HostGuard(application, settings=make_settings(), render=render)  # type: ignore[arg-type]
    headers = [(b"host", b"localhost"), (b"origin", EVIL.encode())]
    scope = {"type": "websocket", "path": "/", "headers": headers}
    await guard(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
