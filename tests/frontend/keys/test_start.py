"""Where keys are asked for, and where the start is refused."""

from pathlib import Path

import pytest

from frontend.__main__ import main
from frontend.keys.policy import check_keys, keys_are_required
from frontend.settings import InvalidSettings, load_settings
from tests.conftest import make_settings

STATIC = ["a-static-key-of-enough-length"]


@pytest.mark.parametrize(
    ("host", "keys", "is_required"),
    [
        ("127.0.0.1", {}, False),
        ("127.8.9.10", {}, False),
        ("::1", {}, False),
        ("::ffff:127.0.0.1", {}, False),
        ("localhost", {}, False),
        ("LOCALHOST", {}, False),
        ("0.0.0.0", {}, True),
        ("::", {}, True),
        ("::ffff:0.0.0.0", {}, True),
        ("192.168.1.4", {}, True),
        ("tritone.example.org", {}, True),
        ("localhost.example.org", {}, True),
        ("127.0.0.1", {"static": STATIC}, True),
        ("127.0.0.1", {"allow_anonymous": False}, True),
        ("0.0.0.0", {"allow_anonymous": True}, False),
    ],
)
def test_keys_are_required_beyond_this_machine(
    host: str, keys: dict[str, object], *, is_required: bool
) -> None:
    assert keys_are_required(make_settings(host=host, keys=keys)) == is_required


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "tritone.example.org"])
def test_a_public_address_without_keys_is_refused_in_one_line_with_the_remedies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("TRITONE_HOST", host)
    assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tritone: TRITONE_HOST={host} needs API keys")
    assert "TRITONE_KEYS__STATIC" in line
    assert "tritone keys create" in line
    assert "TRITONE_KEYS__ALLOW_ANONYMOUS=true" in line


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": {"allow_anonymous": True}},
        {"keys": {"static": STATIC}},
        {"jobs": {"database_url": "postgresql://somewhere"}},
    ],
    ids=["anonymous", "static", "database"],
)
def test_each_remedy_helps(changes: dict[str, object]) -> None:
    check_keys(make_settings(host="0.0.0.0", **changes))


def test_keys_that_nobody_would_look_at_are_refused() -> None:
    settings = make_settings(keys={"static": STATIC, "allow_anonymous": True})
    with pytest.raises(InvalidSettings, match="TRITONE_KEYS__STATIC"):
        check_keys(settings)


def test_keys_asked_for_where_there_are_none_are_refused() -> None:
    with pytest.raises(InvalidSettings, match="needs API keys"):
        check_keys(make_settings(keys={"allow_anonymous": False}))


def test_a_pepper_that_cannot_be_made_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITONE_KEYS__ALLOW_ANONYMOUS", "false")
    monkeypatch.setenv("TRITONE_JOBS__DATABASE_URL", "postgresql://somewhere")
    monkeypatch.setenv("TRITONE_KEYS__PEPPER_FILE", str(tmp_path / "file" / "pepper"))
    assert main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tritone: TRITONE_KEYS__PEPPER_FILE: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TRITONE_KEYS__STATIC", '["short-secret"]'),
        ("TRITONE_KEYS__PEPPER", "short-secret"),
    ],
)
def test_a_guessable_secret_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert str(caught.value).startswith(variable)
    assert "short-secret" not in str(caught.value)


def test_secrets_are_not_in_the_settings_text() -> None:
    settings = make_settings(keys={"static": STATIC, "pepper": "p" * 32})
    assert STATIC[0] not in repr(settings)
    assert "p" * 32 not in repr(settings)
