"""Pages of other hosts in a real browser, on a server of this machine that asks for a key."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from ops.stack.postgres import EmbeddedPostgres
from tests.browser import running_browser
from tests.live import Live, live_server
from tests.pages import serving_page

_ASK = """async ([url, key]) => {
  const body = JSON.stringify({ input: "rain", seed: 42 })
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` }
  try {
    const answer = await fetch(url, { method: "POST", headers, body })
    return `${answer.status} ${answer.headers.get("x-tritone-seed")}`
  } catch (error) {
    return error.message
  }
}"""


def _make_page() -> bytes:
    return b"<p>A page."


@dataclass
class Pages:
    """A browser that takes two pages for such of the internet, and what they call."""

    browser: Browser
    live: Live
    allowed: str
    foreign: str

    def ask_from(self, page_host: str) -> str:
        """Return what a page gets that asks for a sound."""
        # Since release 142 Chromium asks the person before a page may call this machine.
        with self.browser.new_context(permissions=["local-network-access"]) as context:
            page = context.new_page()
            page.goto(f"http://{page_host}/")
            url = f"{self.live.url}/v1/audio/generate"
            return str(page.evaluate(_ASK, [url, self.live.key]))


@pytest.fixture(scope="module")
def pages(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    folder = tmp_path_factory.mktemp("files")
    with serving_page(_make_page) as allowed, serving_page(_make_page) as foreign:
        flag = f"--ip-address-space-overrides={allowed}=public,{foreign}=public"
        with (
            live_server(postgres, folder, cors_origins=[f"http://{allowed}"]) as live,
            running_browser(flag) as browser,
        ):
            yield Pages(browser, live, allowed, foreign)


def test_an_allowed_page_makes_a_sound_and_reads_how(pages: Pages) -> None:
    assert pages.ask_from(pages.allowed) == "200 42"


def test_another_page_makes_nothing(pages: Pages) -> None:
    n_before = len(pages.live.gateway.passes)
    assert pages.ask_from(pages.foreign) == "Failed to fetch"
    assert len(pages.live.gateway.passes) == n_before
