import json
from collections.abc import Iterator

import pytest
import structlog

from frontend.keys.__main__ import app


def run(*arguments: str) -> int:
    """Run the program and return its exit status."""
    with pytest.raises(SystemExit) as left:
        app(arguments, prog_name="tritone keys")
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create", " "), "printable"),
        (("create", "a\nb"), "printable"),
        (("create", "a" * 101), "printable"),
        (("create", "a", "--burst", "0"), "greater than or equal to 1"),
        (("create", "a", "--burst", "many"), "valid integer"),
        (("create", "a", "--rate-per-minute", "nan"), "0.01 to"),
        (("create", "a", "--rate-per-minute", "0"), "0.01 to"),
        (("create", "a", "--max-in-flight", "1001"), "less than or equal to 1000"),
        (("create", f"tta_{'a' * 12}_{'a' * 52}"), "a key, not a name"),
        ((), "Missing command"),
    ],
)
def test_a_mistake_is_told_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 200)  # no line is broken
    assert run(*arguments) == 2
    assert complaint in capsys.readouterr().err


@pytest.fixture
def _own_logging() -> Iterator[None]:
    """Give back what the program sets up for its process."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_own_logging")
def test_without_a_database_the_remedy_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "TRITONE_JOBS__DATABASE_URL" in line
    assert "TRITONE_KEYS__STATIC" in line


@pytest.mark.usefixtures("_own_logging")
def test_a_database_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("frontend.keys.__main__._PATIENCE_S", 0.2)
    monkeypatch.setenv("TRITONE_JOBS__DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert run("list") == 1
    printed = capsys.readouterr()
    assert "TRITONE_JOBS__DATABASE_URL" in printed.err.splitlines()[-1]
    assert "Traceback" not in printed.err
    assert printed.out == ""


@pytest.mark.usefixtures("_own_logging")
def test_a_key_of_another_pepper_is_marked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str
) -> None:
    monkeypatch.setenv("TRITONE_JOBS__DATABASE_URL", database_url)
    for pepper in ("p" * 32, "q" * 32):
        monkeypatch.setenv("TRITONE_KEYS__PEPPER", pepper)
        assert run("create", pepper[:3], "--max-in-flight", "3") == 0
    keys = capsys.readouterr().out.splitlines()
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert shown.count("another pepper") == 1
    assert shown.count("3 at once") == 2
    assert all(key not in shown for key in keys)
    assert run("revoke", keys[0]) == 0
    assert run("list", "--json") == 0
    states = [entry["state"] for entry in json.loads(capsys.readouterr().out)]
    assert states == ["revoked", "active"]
