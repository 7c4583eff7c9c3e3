import asyncio

import httpx2
import pytest

from frontend.http.head import HeadAsGet

PATHS = ["/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/v1/models", "/v1/models/x"]


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_answered_as_get_without_the_body(
    path: str, client: httpx2.AsyncClient
) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_head_of_an_endless_stream_ends_at_once() -> None:
    stopped = asyncio.Event()

    async def endless(scope: object, receive: object, send: object) -> None:
        assert callable(send)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            stopped.set()

    transport = httpx2.ASGITransport(app=HeadAsGet(endless))
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        response = await asyncio.wait_for(client.head("/"), 10)
    assert (response.status_code, response.content) == (200, b"")
    assert stopped.is_set()


async def test_an_error_is_an_error_of_head_too() -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("broken")

    transport = httpx2.ASGITransport(app=HeadAsGet(broken))
    async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
        with pytest.raises(RuntimeError, match="broken"):
            await client.head("/")
