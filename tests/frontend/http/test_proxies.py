"""Whose word counts about the client, and the links that follow from it."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from frontend.http.proxies import TrustedProxies, get_base_url
from tests.conftest import make_settings

FORWARDED = {
    "x-forwarded-host": "studio.lan",
    "x-forwarded-proto": "https",
    "x-forwarded-for": "192.0.2.9",
}


async def see(
    headers: dict[str, str], peer: str = "127.0.0.1", **settings: object
) -> tuple[str | None, str]:
    """Return the base URL and the client's address as the application sees them."""
    seen: list[Request] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(Request(scope))

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/jobs",
        "root_path": "",
        "query_string": b"",
        "server": ("127.0.0.1", 8080),
        "client": (peer, 50000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    middleware = TrustedProxies(application, settings=make_settings(**settings))
    await middleware(scope, None, None)  # type: ignore[arg-type]
    (request,) = seen
    assert request.client is not None
    return get_base_url(request), request.client.host


async def test_links_have_the_host_that_the_client_used() -> None:
    assert await see({"host": "studio.lan:8080"}) == ("http://studio.lan:8080", "127.0.0.1")


async def test_a_trusted_proxy_says_what_its_client_used() -> None:
    assert await see({"host": "backend:8080"} | FORWARDED) == ("https://studio.lan", "192.0.2.9")


async def test_nobody_else_is_believed() -> None:
    seen = await see({"host": "backend:8080"} | FORWARDED, peer="192.168.1.4")
    assert seen == ("http://backend:8080", "192.168.1.4")


@pytest.mark.parametrize("peer", ["10.1.2.3", "10.200.0.1"])
async def test_a_network_of_proxies_can_be_trusted(peer: str) -> None:
    headers = {"host": "backend"} | FORWARDED
    seen = await see(headers, peer, trusted_proxies=["10.0.0.0/8"])
    assert seen == ("https://studio.lan", "192.0.2.9")


async def test_of_several_hosts_the_nearest_proxys_counts() -> None:
    headers = {"host": "backend"} | FORWARDED | {"x-forwarded-host": "spoofed.example, studio.lan"}
    assert (await see(headers))[0] == "https://studio.lan"


@pytest.mark.parametrize("host", ["", "a b", "x/y", "evil.example/path?", "[::1", 'ho"st'])
async def test_an_unusable_host_makes_no_link(host: str) -> None:
    assert (await see({"host": host}))[0] is None
    headers = {"host": "studio.lan"} | FORWARDED | {"x-forwarded-host": host}
    assert (await see(headers))[0] == "https://studio.lan"


async def test_a_request_without_a_host_makes_no_link() -> None:
    assert (await see({}))[0] is None
