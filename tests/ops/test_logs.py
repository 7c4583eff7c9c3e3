import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from ops import logs

LISTENING = (
    '{"host": "127.0.0.1", "port": 8080, "event": "listening", "level": "info", '
    '"logger": "__main__", "timestamp": "2026-11-29T09:15:01.625073Z"}'
)


def test_a_full_disk_under_the_log_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Path("/dev/full").open("w")  # noqa: SIM115 -- closing it fails
    monkeypatch.setattr(sys, "stderr", log)
    for _ in range(3):
        logs.show("triton", "x" * 10_000)
    with suppress(OSError):
        log.close()


@pytest.fixture
def _no_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write to stderr again afterwards."""
    files: list[RotatingFileHandler] = []
    monkeypatch.setattr(logs, "_files", files)
    yield
    for each in files:
        each.close()


@pytest.mark.usefixtures("_no_files")
def test_a_quiet_log_goes_to_a_file_and_our_own_lines_to_stderr_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "_MAX_BYTES", 1000)
    logs.configure()
    log = tmp_path / "tritone.log"
    logs.write_to(log)
    logs.end_start()
    logs.show("triton", "a line")
    logging.getLogger("ops.stack").info("a figure")
    logging.getLogger("ops.stack").warning("a death")
    assert log.read_text() == "triton   | a line\ntritone  | a figure\ntritone  | a death\n"
    assert capsys.readouterr().err == "a figure\na death\n"
    for _ in range(100):
        logs.show("triton", "x" * 100)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2500  # bounded


@pytest.mark.parametrize(
    ("is_terminal", "told"),
    [
        (False, "a death\nready\nnews\n"),
        (
            True,
            "\r\x1b[2Kloading …\r\x1b[2Ka death\n\r\x1b[2Kloading again …\r\x1b[2Kready\nnews\n",
        ),
    ],
)
@pytest.mark.usefixtures("_no_files")
def test_news_before_it_is_ready_is_one_line_of_progress(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    told: str,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    logs.configure()
    logs.write_to(tmp_path / "tritone.log")
    ours = logging.getLogger("ops.stack")
    ours.info("loading")
    ours.warning("a death")
    ours.info("loading again")
    logs.end_start()
    logs.tell("ready")
    ours.info("news")
    assert capsys.readouterr().err == told


@pytest.mark.usefixtures("_no_files")
def test_a_log_file_is_begun_anew_at_each_start(tmp_path: Path) -> None:
    for name in ("first", "second"):
        logs.write_to(tmp_path / "tritone.log")
        logs.show("triton", name)
    assert (tmp_path / "tritone.log").read_text() == "triton   | second\n"
    assert (tmp_path / "tritone.log.1").read_text() == "triton   | first\n"


@pytest.mark.parametrize(
    ("is_terminal", "shown"),
    [
        (True, "09:15:01 info listening host=127.0.0.1 port=8080"),
        (False, LISTENING),
    ],
)
def test_a_terminal_shows_json_in_words(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    shown: str,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    logs.show("frontend", LISTENING)
    logs.show("triton", "plain [words]")
    assert capsys.readouterr().err == f"frontend | {shown}\ntriton   | plain [words]\n"
