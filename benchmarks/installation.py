"""What a fresh installation of the serving extras costs."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LOCK = Path("requirements/serve.txt")


@dataclass(frozen=True, slots=True)
class Installation:
    """A virtual environment made from nothing."""

    seconds: float
    n_bytes: int


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def fresh_installation() -> Installation:
    """Install the serving lock into a new environment, without any cache, and weigh it."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        started = time.monotonic()
        _run(sys.executable, "-m", "venv", str(venv))
        _run(str(venv / "bin/python"), "-m", "pip", "install", "-q", "--no-cache-dir", "uv==0.13.8")
        _run(
            *(str(venv / "bin/uv"), "pip", "install", "-q", "--no-cache", "--require-hashes"),
            *("--python", str(venv / "bin/python"), "-r", str(LOCK)),
        )
        seconds = time.monotonic() - started
        n_bytes = sum(f.lstat().st_size for f in venv.rglob("*") if not f.is_dir())
        return Installation(seconds, n_bytes)
