"""Services of this machine are asked directly."""

from collections.abc import Iterator

import pytest

from ops.processes.http import answers_ok, fetch_json
from tests.pages import serving_page


@pytest.fixture
def address() -> Iterator[str]:
    with serving_page(lambda: b"{}") as address:
        yield f"http://{address}"


async def test_a_proxy_for_the_web_is_not_asked_for_them(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert await answers_ok(address, 5.0)
    assert await fetch_json(address, 5.0) == {}
