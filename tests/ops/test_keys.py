import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.settings import Settings
from ops.stack.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A state folder whose database outlives one test: making one is the slow part."""
    with tempfile.TemporaryDirectory(prefix="tritone-keys-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "state"


def tritone(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from ops.cli import main; main()", "keys", *arguments],
        env={"TRITONE_STATE_DIRECTORY": str(state), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def listed(state: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(tritone(state, "list", "--json").stdout)
    return found


def test_keys_are_made_listed_and_revoked_before_the_stack_ever_ran(state: Path) -> None:
    made = tritone(state, "create", "phone", "--rate-per-minute", "60", "--max-in-flight", "2")
    assert made.returncode == 0, made.stderr
    (key,) = made.stdout.splitlines()  # alone, for scripts
    assert "only this once" in made.stderr
    (entry,) = listed(state)
    assert key.startswith(f"tta_{entry['id']}_")
    limits = ("rate_per_minute", "burst", "max_in_flight", "state")
    assert [entry[each] for each in limits] == [60.0, 10, 2, "active"]
    revoked = tritone(state, "revoke", key)
    assert revoked.returncode == 0
    assert "5 s" in revoked.stderr
    assert [each["state"] for each in listed(state)] == ["revoked"]
    assert (state / "keys.pepper").stat().st_mode & 0o777 == 0o600


def test_a_running_stack_keeps_its_database(state: Path) -> None:
    with EmbeddedPostgres(state / "postgres") as running:
        assert tritone(state, "create", "desk").returncode == 0
        assert running.is_alive
        table = tritone(state, "list").stdout.splitlines()
        assert table[0].split()[:2] == ["id", "name"]
        assert any("desk" in line and "never" in line and "none" in line for line in table)
    assert not EmbeddedPostgres(state / "postgres").attach()


def test_a_mistake_is_told_on_standard_error(state: Path) -> None:
    done = tritone(state, "revoke", "aaaaaaaaaaaa")
    assert done.returncode == 1
    assert done.stderr.startswith("tritone: there is no such key")
    assert done.stdout == ""


def test_the_pepper_of_the_stack_is_in_its_state_folder_unless_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ops.stack.environment import key_environment
    from tritone.environment import PEPPER_FILE

    settings = Settings(state_directory=tmp_path)
    assert key_environment(settings)[PEPPER_FILE] == str(tmp_path / "keys.pepper")
    monkeypatch.setenv(PEPPER_FILE, "elsewhere")
    assert key_environment(settings)[PEPPER_FILE] == "elsewhere"
