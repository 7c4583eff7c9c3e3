"""The page in a real browser, on a server with jobs whose Triton is a fake."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ops.stack.postgres import EmbeddedPostgres
from tests.browser import Visit, running_browser, visiting
from tests.live import Live, live_server

ROOT = Path(__file__).parents[3]
AXE = ROOT / "work" / "axe"
PHONE = {"width": 360, "height": 740}
TABS = ("sound", "speech", "code", "history", "server")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def keyed(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that asks for a key, behind a proxy that puts it under a prefix."""
    with live_server(postgres, tmp_path_factory.mktemp("keyed"), prefix="/deep/tritone") as live:
        yield live


@pytest.fixture(scope="module")
def opened(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server on loopback that asks for no key."""
    with live_server(postgres, tmp_path_factory.mktemp("open"), keys={}) as live:
        yield live


@pytest.fixture
def small(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that makes one sound at a time, and lets one wait."""
    folder = tmp_path_factory.mktemp("small")
    with live_server(postgres, folder, jobs={"max_queued": 1, "concurrency": 1}, keys={}) as live:
        yield live


@pytest.fixture
def visit(browser: Browser, opened: Live) -> Iterator[Visit]:
    with visiting(browser, f"{opened.url}/") as visit:
        yield visit


def _make(page: Page, prompt: str = "rain on a roof") -> None:
    page.fill("#prompt", prompt)
    page.fill("#seed", "42")
    page.keyboard.press("Control+Enter")
    page.locator(".sound .play").first.wait_for()


def _is_playing(page: Page) -> bool:
    """Return whether the first sound's playhead moves."""
    moment = "document.querySelector('.sound audio').currentTime"
    before = page.evaluate(moment)
    page.wait_for_timeout(200)
    return bool(page.evaluate(moment) > before)


def test_with_a_key_and_behind_a_prefix_a_sound_is_made_and_plays(
    browser: Browser, keyed: Live
) -> None:
    with visiting(browser, f"{keyed.url}/") as visit:
        visit.expects_refusals = True
        page = visit.open()
        expect(page.locator("#key-dialog")).to_be_visible()
        page.fill("#key-field", keyed.key)
        page.keyboard.press("Enter")
        page.locator("#model option").first.wait_for(state="attached")
        visit.expects_refusals = False
        _make(page)
        expect(page.locator(".sound h2")).to_have_text("rain on a roof")
        page.click(".sound .play")
        assert _is_playing(page)
        assert page.evaluate("document.querySelector('.sound .wave > div').shadowRoot !== null")
        kept = page.evaluate("JSON.stringify({...localStorage}) + document.cookie")
        assert keyed.key not in kept


def test_a_wrong_key_is_asked_for_again(browser: Browser, keyed: Live) -> None:
    with visiting(browser, f"{keyed.url}/") as visit:
        visit.expects_refusals = True
        page = visit.open()
        page.fill("#key-field", "an-old-key-that-has-expired")
        page.keyboard.press("Enter")
        expect(page.locator("#key-reason")).to_contain_text("The API key is not valid.")
        page.fill("#key-field", keyed.key)
        page.keyboard.press("Enter")
        page.locator("#model option").first.wait_for(state="attached")
        page.reload()  # the key is kept for the tab
        page.locator("#model option").first.wait_for(state="attached")
        expect(page.locator("#key-dialog")).to_be_hidden()


def test_the_keyboard_does_everything(visit: Visit) -> None:
    page = visit.open()
    page.check("#four")
    page.click("#more summary")
    page.select_option("#format", "mp3")
    page.focus("#prompt")
    page.keyboard.press("Control+Enter")
    page.locator(".sound .play").nth(3).wait_for()
    page.locator("h1").first.click()
    page.keyboard.press("2")
    playing = "[...document.querySelectorAll('.sound audio')].map((each) => !each.paused)"
    assert page.evaluate(playing) == [False, True, False, False]
    page.keyboard.press("Space")
    assert page.evaluate(playing) == [False] * 4
    moment = "document.querySelectorAll('.sound audio')[1].currentTime"
    before = page.evaluate(moment)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(moment) - before == pytest.approx(1.0, abs=0.01)
    page.keyboard.press("l")
    loops = "[...document.querySelectorAll('.sound audio')].map((each) => each.loop)"
    assert page.evaluate(loops) == [False, True, False, False]
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert re.fullmatch(
        r"rain-falling-on-a-tin-roof_seed\d+_5s\.mp3", download.value.suggested_filename
    )
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert page.evaluate(playing) == [False] * 4  # single keys are off


def test_the_history_outlives_the_page(visit: Visit, opened: Live) -> None:
    page = visit.open()
    _make(page, "a bell")
    page.click("text=Again")
    page.locator("#sounds .sound .play").nth(1).wait_for()
    assert [each.seed for each in opened.gateway.passes[-2:]] == [42, 42]
    page.reload()
    visit.open("history")
    expect(page.locator("#past .sound h2").first).to_have_text("a bell")
    page.locator("#past .play").first.click()
    assert _is_playing(page)
    page.locator("#past >> text=Vary").first.click()
    page.locator("#sounds .sound .play").wait_for()
    assert opened.gateway.passes[-1].seed != 42
    assert opened.gateway.passes[-1].prompt == "a bell"
    visit.open("history")
    expect(page.locator("#past .sound")).to_have_count(3)
    page.click("#forget")
    expect(page.locator("#past .sound")).to_have_count(0)


def test_a_full_queue_is_waited_for_and_a_sound_is_cancelled(browser: Browser, small: Live) -> None:
    with visiting(browser, f"{small.url}/") as visit:
        visit.expects_refusals = True
        page = visit.open()
        _make(page, "quick")  # now the server knows how long a sound takes
        with small.held():
            _ask(page, "first", "Being made")
            _ask(page, "second", "Waiting for its turn")
            _ask(page, "third", "Too many jobs wait; try again later. Trying again in")
            page.click(".pending:has-text('second') .cancel")
            expect(page.locator(".pending:has-text('second')")).to_contain_text("Cancelled.")
        page.locator(".sound:has-text('third') .play").wait_for()  # it came again by itself
        page.locator(".sound:has-text('first') .play").wait_for()
        assert [each.prompt for each in small.gateway.passes] == ["quick", "first", "third"]


def _ask(page: Page, prompt: str, until: str) -> None:
    page.fill("#prompt", prompt)
    page.click("#make")
    expect(page.locator(f".pending:has-text('{prompt}') .where")).to_contain_text(
        until, timeout=15_000
    )


def test_many_sounds_at_once_leave_the_browser_room_to_cancel(visit: Visit, opened: Live) -> None:
    page = visit.open()
    page.locator("#model option").first.wait_for(state="attached")
    page.check("#four")
    with opened.held():
        for n_sounds in (4, 8):
            page.click("#make")
            expect(page.locator(".pending")).to_have_count(n_sounds)
        expect(page.get_by_text("Waiting")).to_have_count(4)
        with page.expect_response(lambda answer: answer.request.method == "DELETE") as cancelled:
            page.locator(".pending .cancel").last.click()
        assert cancelled.value.ok
    expect(page.locator(".sound .play")).to_have_count(7)


def test_offline_it_says_so_and_plays_what_it_has(visit: Visit) -> None:
    page = visit.open()
    _make(page)
    visit.expects_refusals = True
    page.context.set_offline(True)
    expect(page.locator("#banner")).to_contain_text("offline")
    page.click("#make")
    expect(page.locator(".failed .where")).to_have_text("This device is offline.")
    page.click(".sound .play")
    page.wait_for_timeout(200)
    assert page.evaluate(
        "[...document.querySelectorAll('audio')].some((each) => each.currentTime > 0)"
    )
    page.context.set_offline(False)
    expect(page.locator("#banner")).to_be_hidden()


def test_speech_is_heard_and_its_words_are_lit(visit: Visit) -> None:
    page = visit.open("speech")
    page.locator("#voice option").first.wait_for(state="attached")
    page.fill("#text", "One two three. Four five.")
    page.click("#say")
    page.locator("#spoken .heard").wait_for()
    expect(page.locator("#spoken .said")).to_have_count(5)
    expect(page.locator("#speeches .sound")).to_have_count(1)


def test_an_operator_sees_what_is_served_and_why_something_is_not(
    visit: Visit, opened: Live
) -> None:
    before = opened.gateway.catalog
    opened.gateway.catalog = replace(before, away=frozenset({"lost"}), reasons={"lost": "no room"})
    try:
        page = visit.open()
        _make(page)
        visit.open("server")
        expect(page.locator("#server")).to_contain_text("Ready")
        row = page.locator("#server tr", has_text="starter")
        expect(row).to_contain_text("1: 100 %")
        expect(row).to_contain_text(re.compile(r"\d\.\d\d s"))
        expect(page.locator("#server tr", has_text="lost")).to_contain_text("away: no room")
    finally:
        opened.gateway.catalog = before


def test_two_sounds_are_compared_blindly(visit: Visit) -> None:
    page = visit.open()
    _make(page, "one")
    _make(page, "two")
    page.locator(".sound:has-text('one') .side").first.click()
    page.locator(".sound:has-text('two') .side").last.click()
    bar = page.locator("#compare")
    bar.get_by_text("Play both").click()
    expect(bar.locator(".playhead")).not_to_have_value("0")
    expect(bar.locator("[aria-pressed=true]")).to_have_text(re.compile("A: one"))
    bar.get_by_text("Blind").click()
    assert sorted(bar.locator(".switch").all_inner_texts()) == ["X", "Y"]
    bar.get_by_text("Y", exact=True).click()
    bar.get_by_text("Reveal").click()
    expect(bar.locator("[aria-pressed=true]")).to_have_count(1)
    page.locator(".sound .play").first.click()
    expect(bar.get_by_text("Play both")).to_be_visible()  # they fell silent


def test_the_code_tab_s_programs_run(visit: Visit, tmp_path: Path) -> None:
    page = visit.open()
    page.locator("#model option").first.wait_for(state="attached")
    page.fill("#prompt", 'it\'s "rain"')
    visit.open("code")
    commands = {"curl": ["bash", "-eu"], "python": [sys.executable], "javascript": ["node"]}
    programs = {}
    for language, command in commands.items():
        if shutil.which(command[0]) is None or (language == "curl" and not shutil.which("jq")):
            continue
        page.click(f"[data-language={language}]")
        for row in page.eval_on_selector_all(
            "#contract option", "(all) => all.map((each) => each.value)"
        ):
            page.select_option("#contract", row)
            programs[row, language] = page.inner_text("#code")
    assert {row for row, _ in programs} >= {"tritone", "vllm-omni", "elevenlabs", "openai"}

    def run(case: tuple[str, str]) -> str:
        folder = tmp_path / "-".join(case)
        folder.mkdir()
        ending = ".mjs" if case[1] == "javascript" else ""
        program = folder.with_suffix(ending or ".txt")
        program.write_text(programs[case])
        done = subprocess.run(
            [*commands[case[1]], program],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        made = [path for path in folder.iterdir() if path.stat().st_size > 44]
        return "" if done.returncode == 0 and made else f"{case}: {done.stderr[-500:]}"

    with ThreadPoolExecutor(4) as threads:
        problems = [each for each in threads.map(run, programs) if each]
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_for_everybody(browser: Browser, opened: Live, scheme: str) -> None:
    if not (AXE / "axe.min.js").exists():
        pytest.skip("axe-core is missing: `make install-dev` reached no npm registry")
    size = PHONE if scheme == "dark" else {"width": 1200, "height": 900}
    # axe itself changes styles, which the policy forbids.
    window = {"color_scheme": scheme, "viewport": size, "bypass_csp": True}
    with visiting(browser, f"{opened.url}/", **window) as visit:
        page = visit.open()
        page.locator("#model option").first.wait_for(state="attached")
        _make(page)
        page.click("#more summary")
        page.evaluate((AXE / "axe.min.js").read_text())
        found = []
        for tab in TABS:
            page.click(f"nav a[href='#{tab}']")
            page.locator(f"#tab-{tab}").wait_for()
            found += _violations(page, tab)
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) == 0, f"{tab} is wider than the window"
        page.click("#help-button")
        found += _violations(page, "help")
    assert found == []


def _violations(page: Page, where: str) -> list[str]:
    answer = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{where}: {each['id']}: {node['html'][:120]}"
        for each in answer["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


def test_without_the_library_of_waves_it_says_so_and_plays(visit: Visit) -> None:
    visit.expects_refusals = True

    def refuse(route: Route) -> None:
        route.fulfill(status=404)

    visit.page.route("**/wavesurfer.js", refuse)
    page = visit.open()
    _make(page)
    expect(page.locator("#missing")).to_contain_text("make install")
    page.click(".sound .play")
    assert _is_playing(page)
