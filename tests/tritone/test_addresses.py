import asyncio
import socket
from typing import Any

import pytest
from pydantic import ValidationError

from frontend.settings import TritonSettings
from tritone.addresses import TritonAddresses, Unresolved, parse, resolve


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("triton:8001", TritonAddresses(("triton:8001",))),
        ("[::1]:8001", TritonAddresses(("[::1]:8001",))),
        ("a:8001, b:8001", TritonAddresses(("a:8001", "b:8001"))),
        ("a:8001,a:8001", TritonAddresses(("a:8001",))),
        ("unix:/tmp/x/grpc:8001", TritonAddresses(("unix:/tmp/x/grpc:8001",))),
        ("unix:/a, b:8001", TritonAddresses(("unix:/a", "b:8001"))),
        ("dns:///triton-headless:8001", TritonAddresses(("triton-headless:8001",), is_name=True)),
    ],
)
def test_what_an_address_says(url: str, target: TritonAddresses) -> None:
    assert parse(url) == target
    assert TritonSettings.model_validate({"url": url}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "triton",
        "a:8001,",
        "a:99999",
        "http://a:8001",
        "dns:///a",
        "dns:///a:1,b:1",
        "dns://a:1",
        "unix:a",
        "unix:",
        "dns:///unix:/a",
    ],
)
def test_what_is_no_address_is_refused_with_the_forms_that_are(url: str) -> None:
    with pytest.raises(ValidationError, match="is not HOST:PORT; several Tritons are a:8001"):
        TritonSettings.model_validate({"url": url})


def test_one_address_is_single_but_a_name_or_a_list_is_not() -> None:
    urls = ("a:1", "a:1,b:1", "dns:///a:1")
    assert [parse(url).is_single for url in urls] == [True, False, False]


async def test_a_list_is_not_looked_up() -> None:
    assert await resolve(parse("no.such.host:1,b:2"), 0.001) == ("no.such.host:1", "b:2")


async def test_a_name_stands_for_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        assert (host, port) == ("tritons", 8001)
        found = [("10.0.0.2", port), ("10.0.0.1", port), ("fd00::1", port, 0, 0)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up, raising=False)
    found = await resolve(parse("dns:///tritons:8001"), 1.0)
    assert found == ("10.0.0.1:8001", "10.0.0.2:8001", "[fd00::1]:8001")


async def test_a_name_of_this_machine_is_really_looked_up() -> None:
    assert "127.0.0.1:8001" in await resolve(parse("dns:///localhost:8001"), 5.0)


async def test_a_resolver_that_is_silent_or_knows_nothing_is_unresolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silence(*_: object, **__: object) -> list[tuple[Any, ...]]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", silence, raising=False)
    with pytest.raises(Unresolved, match="tritons has no addresses"):
        await resolve(parse("dns:///tritons:8001"), 0.01)

    async def refusal(*_: object, **__: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", refusal, raising=False)
    with pytest.raises(Unresolved, match="Name or service not known"):
        await resolve(parse("dns:///tritons:8001"), 1.0)
