import gzip
import re

import httpx2
import pytest

from frontend.playground.routes import FOLDERS, list_files
from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

MAX_BYTES = 250_000  # of everything that the page may load, packed


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_page_needs_no_key(
    client_of: ClientFactory, gateway: FakeGateway, method: str
) -> None:
    async with client_of(gateway, make_settings(keys={"static": ["k" * 16]})) as client:
        answer = await client.request(method, "/")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert bool(answer.content) == (method == "GET")


async def test_the_policy_allows_nothing_foreign(client: httpx2.AsyncClient) -> None:
    first, second = await client.get("/"), await client.get("/")
    policy = first.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
    assert f'nonce="{nonce}"' in first.text
    assert nonce not in second.text  # a nonce is used once
    assert not re.search(r'(?:src|href)="(?:https?:)?//', first.text)


async def test_every_file_is_reached_from_any_prefix(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/")).text
    waiting = re.findall(r'(?:src|href)="(playground/[^"]+)"', page)
    reached: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        answer = await client.get(f"/{path}")
        assert answer.status_code == 200, path
        imported = re.findall(r'(?:from|import)[ (]"\./([^"]+)"', answer.text)
        waiting += [f"playground/{each}" for each in imported if _is_ours(each)]
    ours = {f"playground/{name}" for name in list_files() if _is_ours(name)}
    assert reached == ours  # and no file lies there for nothing


def _is_ours(name: str) -> bool:
    return (FOLDERS[0] / name).exists()


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_client_gets_what_it_can_unpack(client: httpx2.AsyncClient, encoding: str) -> None:
    answer = await client.get("/playground/main.js", headers={"accept-encoding": encoding})
    assert answer.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.content == (FOLDERS[0] / "main.js").read_bytes()


async def test_a_browser_is_not_sent_what_it_has(client: httpx2.AsyncClient) -> None:
    first = await client.get("/playground/main.js")
    again = await client.get(
        "/playground/main.js", headers={"if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    changed = await client.get("/playground/main.js", headers={"if-none-match": 'W/"other"'})
    assert changed.status_code == 200


@pytest.mark.parametrize("name", ["index.html", "routes.py", "..%2froutes.py", "x"])
async def test_nothing_else_is_served(client: httpx2.AsyncClient, name: str) -> None:
    assert (await client.get(f"/playground/{name}")).status_code == 404


async def test_the_page_is_no_api(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if path == "/" or path.startswith("/playground")]


def test_all_of_it_is_small() -> None:
    packed = [gzip.compress(path.read_bytes()) for path in list_files().values()]
    assert sum(map(len, packed)) < MAX_BYTES
