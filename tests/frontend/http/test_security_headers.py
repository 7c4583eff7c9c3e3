import httpx2
import pytest

from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

GENERATE = "/v1/audio/generate"
ORIGIN = "https://studio.example.org"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization, content-type, xi-api-key",
}


@pytest.mark.parametrize("path", ["/livez", "/v1/models", "/nowhere", "/openapi.json"])
async def test_every_answer_is_for_reading_only(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy == "default-src 'none'; media-src 'self'; frame-ancestors 'none'"


async def test_an_unexpected_error_has_the_headers_too(
    client: httpx2.AsyncClient, gateway: FakeGateway
) -> None:
    gateway.error = LookupError()
    answer = await client.post(GENERATE, json={"input": "rain"})
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_documentation_loads_nothing_from_elsewhere(client: httpx2.AsyncClient) -> None:
    page = await client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "media-src 'self' blob:;" in policy  # it plays what it made
    assert "http" not in policy
    assert "//" not in page.text


async def test_by_default_no_other_page_may_call_us(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers
    assert (await client.options(GENERATE, headers=PREFLIGHT)).status_code == 405


@pytest.mark.parametrize("origins", [[ORIGIN], ["*"]])
async def test_a_named_origin_may_call_us_with_a_key(
    client_of: ClientFactory, gateway: FakeGateway, origins: list[str]
) -> None:
    settings = make_settings(cors_origins=origins, keys={"static": ["k" * 16]})
    async with client_of(gateway, settings) as client:
        asked = await client.options(GENERATE, headers=PREFLIGHT)  # browsers send no key here
        body = {"input": "rain"}
        answer = await client.post(GENERATE, json=body, headers={"origin": ORIGIN})
    assert asked.status_code == 200
    assert "xi-api-key" in asked.headers["access-control-allow-headers"]
    assert answer.status_code == 401  # and the page may read why
    assert answer.headers["access-control-allow-origin"] in {ORIGIN, "*"}
    assert answer.headers["access-control-expose-headers"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_another_origin_may_not(client_of: ClientFactory, gateway: FakeGateway) -> None:
    async with client_of(gateway, make_settings(cors_origins=[ORIGIN])) as client:
        asked = await client.options(GENERATE, headers=PREFLIGHT | {"origin": "https://evil"})
    assert asked.status_code == 400
    assert "access-control-allow-origin" not in asked.headers
