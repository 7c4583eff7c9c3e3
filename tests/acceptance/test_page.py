"""The page in a real browser, on the real stack: what only a real model shows."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.acceptance.stack import Stack
from tests.browser import Visit, running_browser, visiting

pytestmark = pytest.mark.triton
TEXT = "The rain has stopped. The street shines, and a door opens. " * 6
MADE_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, served: Stack) -> Iterator[Visit]:
    with visiting(browser, f"http://{served.address}/") as visit:
        yield visit


def test_one_key_makes_a_sound_that_plays(visit: Visit) -> None:
    page = visit.open()
    page.locator(".chip").first.wait_for()
    page.keyboard.press("Control+Enter")
    page.locator(".sound .play").wait_for(timeout=MADE_MS)
    page.click(".sound .play")
    page.wait_for_timeout(500)
    assert page.evaluate("document.querySelector('audio').currentTime") > 0.1


def test_speech_is_heard_before_it_has_come(visit: Visit) -> None:
    page = visit.open("speech")
    page.locator("#voice option").first.wait_for(state="attached")
    page.fill("#text", TEXT)
    page.click("#say")
    page.locator("#spoken .heard").wait_for(timeout=MADE_MS)
    page.locator("#speeches .sound").wait_for(timeout=MADE_MS)
    mark = "performance.getEntriesByName('speech-{}')[0].startTime"
    assert page.evaluate(mark.format("begins")) < page.evaluate(mark.format("came"))


def test_a_long_sound_says_its_step_and_is_cancelled(visit: Visit) -> None:
    page = visit.open()
    page.locator(".chip").first.wait_for()
    page.fill("#seconds", "15")
    page.click("#more summary")
    page.fill("#steps", "500")
    page.click("#make")
    expect(page.locator(".pending .where")).to_have_text(
        re.compile(r"Step [1-9]\d* of 500"), timeout=MADE_MS
    )
    page.click(".pending .cancel")
    expect(page.locator(".pending .where")).to_have_text("Cancelled.")
