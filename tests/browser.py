"""A real browser for tests of the page: Debian's chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

_PATIENCE_MS = 15_000.0
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# What chromium itself writes when the server refuses something, or when there is no network.
_EXPECTED = "Failed to load resource"


@dataclass
class Visit:
    """A page in a window of its own, and what went wrong in it."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    expects_refusals: bool = False

    def open(self, tab: str = "sound") -> Page:
        """Open a tab and wait until it knows the models."""
        self.page.goto(f"{self.url}#{tab}")
        return self.page

    def note_message(self, message: ConsoleMessage) -> None:
        """Keep what the browser complains of."""
        is_expected = self.expects_refusals and message.text.startswith(_EXPECTED)
        if message.type in {"error", "warning"} and not is_expected:
            self.problems.append(f"{message.type}: {message.text}")

    def note_request(self, request: Request) -> None:
        """Keep what leaves the server's own host."""
        if urlsplit(request.url)[:2] != urlsplit(self.url)[:2] and request.url[:5] != "blob:":
            self.problems.append(f"asked {request.url}")


@contextmanager
def running_browser(*flags: str) -> Iterator[Browser]:
    """Start a browser. Leave it before anything async runs: Playwright has a loop of its own."""
    chromium = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if chromium is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, url: str, **window: object) -> Iterator[Visit]:
    """Open a window on a server; nothing may be complained of, and no other host asked."""
    context = browser.new_context(reduced_motion="reduce", **window)  # type: ignore[arg-type]
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    visit = Visit(page, url)
    page.on("console", visit.note_message)
    page.on("pageerror", lambda error: visit.problems.append(str(error)))
    page.on("request", visit.note_request)
    yield visit
    context.close()
    assert not visit.problems, "\n".join(visit.problems)
