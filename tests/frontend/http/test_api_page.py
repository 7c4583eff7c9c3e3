import gzip
import hashlib
import re
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest

FOLDER = Path(__file__).parents[3] / "frontend/http/api_page"


def test_the_vendored_files_are_what_they_were() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines)}
    assert {path.name for path in FOLDER.glob("*.gz")} | {"LICENSE"} <= sums.keys()
    for name, digest in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


async def test_everything_the_page_names_is_served_from_here(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "docs/swagger-ui-bundle.js" in named
    for target in named:
        if not target.startswith("data:"):
            answer = await client.get(f"/{target}")
            assert answer.status_code == 200
            assert answer.content
    started = (await client.get("/docs/start.js")).text
    (document,) = re.findall(r'url: "([^"]+)"', started)
    assert (await client.get(f"/{document}")).json()["info"]["title"] == "Tritone"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_client_gets_what_it_can_unpack(client: httpx2.AsyncClient, encoding: str) -> None:
    answer = await client.get("/docs/swagger-ui.css", headers={"accept-encoding": encoding})
    assert answer.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.content == gzip.decompress((FOLDER / "swagger-ui.css.gz").read_bytes())


@pytest.mark.parametrize("name", ["LICENSE", "__init__.py", "..%2fapp.py", "x"])
async def test_nothing_else_is_served(client: httpx2.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404


async def test_the_document_leads_back_to_us_behind_any_prefix(client: httpx2.AsyncClient) -> None:
    (server,) = (await client.get("/openapi.json")).json()["servers"]
    assert urljoin("https://host/tritone/openapi.json", server["url"]) == "https://host/tritone/"
