"""The official clients, as locked in `locks/`, each in a folder of its own that is kept."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LOCKS = HERE / "locks"
INSTALLED = HERE.parents[1] / "work" / "clients"
_TIMEOUT_S = 240.0
_OUR_FAULT = ("Hash mismatch", "EINTEGRITY", "--require-hashes", "npm error Invalid")
_HURRY = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}


def python_of(client: str) -> Path:
    """Return the interpreter that has a client, installing it the first time.

    Skips the test where no registry can be reached.
    """
    lock = LOCKS / f"{client}.txt"
    folder = _folder(client, lock)
    python = folder / "bin" / "python"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_parent()) as name:
            new = Path(name) / "new"
            uv = str(Path(sys.executable).with_name("uv"))
            _install([uv, "venv", "-q", "--python", sys.executable, str(new)])
            pip = [uv, "pip", "install", "-q", "--python", str(new / "bin" / "python")]
            _install([*pip, "--no-deps", "--require-hashes", "-r", str(lock)])
            _keep(new, folder)
    return python


def node_modules(name: str = "node") -> Path:
    """Return the folder that has the packages of an npm lock, installing them the first time.

    Skips the test where there is no node, or no registry can be reached.
    """
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    lock = LOCKS / name / "package-lock.json"
    folder = _folder(name, lock)
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_parent()) as scratch:
            new = Path(scratch) / "new"
            shutil.copytree(lock.parent, new)
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            quiet += ["--fetch-retries=1", "--fetch-timeout=20000"]
            _install([npm, "--prefix", str(new), "ci", *quiet])
            _keep(new, folder)
    return folder / "node_modules"


def _folder(client: str, lock: Path) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return INSTALLED / f"{client}-{digest}"


def _parent() -> Path:
    INSTALLED.mkdir(parents=True, exist_ok=True)
    return INSTALLED


def _keep(new: Path, folder: Path) -> None:
    if not folder.exists():  # another process may have been faster
        new.rename(folder)


def _install(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **_HURRY},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the package registry does not answer")
    if done.returncode == 0:
        return
    if any(sign in done.stderr for sign in _OUR_FAULT):
        pytest.fail(done.stderr[-2000:])
    pytest.skip("the package registry cannot be reached, or has not what is locked")
