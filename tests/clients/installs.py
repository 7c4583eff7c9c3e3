"""The official clients, as locked in `locks/`, each in a folder of its own that is kept.

`python -m tests.clients.installs` installs them all: tests that need one then need not wait.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    with _new_folder(folder) as new:
        if new is not None:
            uv = str(Path(sys.executable).with_name("uv"))
            _install([uv, "venv", "-q", "--python", sys.executable, str(new)])
            pip = [uv, "pip", "install", "-q", "--python", str(new / "bin" / "python")]
            _install([*pip, "--no-deps", "--require-hashes", "-r", str(lock)])
    return folder / "bin" / "python"


def node_modules(name: str = "node") -> Path:
    """Return the folder that has the packages of an npm lock, installing them the first time.

    Skips the test where there is no node, or no registry can be reached.
    """
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    lock = LOCKS / name / "package-lock.json"
    folder = _folder(name, lock)
    with _new_folder(folder) as new:
        if new is not None:
            shutil.copytree(lock.parent, new)
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            quiet += ["--fetch-retries=1", "--fetch-timeout=20000"]
            _install([npm, "--prefix", str(new), "ci", *quiet])
    return folder / "node_modules"


def _folder(client: str, lock: Path) -> Path:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return INSTALLED / f"{client}-{digest}"


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path | None]:
    """Give a folder to install into, which becomes the named one; None: that is there already.

    Who comes second waits for the first: to install twice takes twice as long.
    """
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(dir=INSTALLED) as name:
            new = Path(name) / "new"
            yield new
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


def main() -> None:
    """Install every client whose registry answers."""
    for folder in sorted(path.parent for path in LOCKS.glob("*/package-lock.json")):
        with suppress(pytest.skip.Exception):
            node_modules(folder.name)
    for lock in sorted(LOCKS.glob("*.txt")):
        with suppress(pytest.skip.Exception):
            python_of(lock.stem)


if __name__ == "__main__":
    main()
