"""Accounts of children: real ones of this machine, which only root can change to."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.processes.accounts import Account, find_account, require_readable

OPEN_PYTHON = Path("/usr/bin/python3")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the account")


@pytest.fixture
def nobody() -> Account:
    return find_account("nobody")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may read, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="tritone-account-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def _open_python(monkeypatch: pytest.MonkeyPatch) -> None:
    if not OPEN_PYTHON.exists():
        pytest.skip(f"there is no {OPEN_PYTHON}")
    monkeypatch.setattr("sys.executable", str(OPEN_PYTHON))


def test_a_process_runs_as_the_account(nobody: Account) -> None:
    said = subprocess.check_output(["/usr/bin/id", "-u"], cwd="/", **nobody.run_as())
    assert int(said) == nobody.user


def test_an_unknown_account_is_refused() -> None:
    with pytest.raises(CannotStart, match="there is no user of-nobody"):
        find_account("of-nobody")


@pytest.mark.usefixtures("_open_python")
def test_what_can_be_read_is_taken(nobody: Account, folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"weights")
    require_readable(nobody, [folder], "open it")


@pytest.mark.usefixtures("_open_python")
@pytest.mark.parametrize("name", [".", "within", "within/model.onnx"])
def test_what_is_closed_is_named(nobody: Account, folder: Path, name: str) -> None:
    (folder / "within").mkdir()
    (folder / "within" / "model.onnx").write_bytes(b"weights")
    (folder / name).chmod(0o600)
    with pytest.raises(CannotStart, match=r"nobody cannot read .*; open it") as caught:
        require_readable(nobody, [folder], "open it")
    assert str((folder / name).resolve()) in str(caught.value)


def test_a_closed_python_is_named(
    nobody: Account, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = folder / "python"
    closed.symlink_to("/usr/bin/python3")
    folder.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(closed))
    with pytest.raises(CannotStart, match=f"nobody cannot run {closed}"):
        require_readable(nobody, [], "open it")
