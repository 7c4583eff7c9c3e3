import json
from collections.abc import Iterator

import pytest
import structlog

from frontend.keys.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create", " "), "printable"),
        (("create", "a\nb"), "printable"),
        (("create", "a" * 101), "printable"),
        (("create", "a", "--burst", "0"), "1 to"),
        (("create", "a", "--burst", "many"), "many"),
        (("create", "a", "--rate-per-minute", "nan"), "0.01 to"),
        (("create", "a", "--rate-per-minute", "0"), "0.01 to"),
        (("create", "a", "--max-in-flight", "1001"), "1 to"),
        (("create", f"tta_{'a' * 12}_{'a' * 52}"), "a key, not a name"),
        ((), "required"),
    ],
)
def test_a_mistake_is_told_before_anything_is_done(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.fixture
def _own_logging() -> Iterator[None]:
    """Give back what the program sets up for its process."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_own_logging")
def test_without_a_database_the_remedy_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "TRITONE_JOBS__DATABASE_URL" in line
    assert "TRITONE_KEYS__STATIC" in line


@pytest.mark.usefixtures("_own_logging")
def test_a_database_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("frontend.keys.__main__._PATIENCE_S", 0.2)
    monkeypatch.setenv("TRITONE_JOBS__DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert main(["list"]) == 1
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
        assert main(["create", pepper[:3], "--max-in-flight", "3"]) == 0
    keys = capsys.readouterr().out.splitlines()
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("another pepper") == 1
    assert shown.count("3 at once") == 2
    assert all(key not in shown for key in keys)
    assert main(["revoke", keys[0]]) == 0
    assert main(["list", "--json"]) == 0
    states = [entry["state"] for entry in json.loads(capsys.readouterr().out)]
    assert states == ["revoked", "active"]
