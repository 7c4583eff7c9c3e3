"""Makes environments and installs into them, by uv and pip: the seam to registries."""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ops.errors import OpsError

_TIMEOUT_S = 3600.0


class InstallFailed(OpsError):
    """A step of building an environment failed; the text says which and why."""


class Installer(Protocol):
    """What builds an environment. Each step may be repeated, and then goes on where it ended."""

    def make(self, environment: Path) -> None:
        """Make an empty environment of our own Python, or keep the one that is there.

        Raises:
            InstallFailed: with the reason.
        """

    def install(self, environment: Path, lock: Path) -> None:
        """Install the packages of a lock, each by its hash.

        Raises:
            InstallFailed: with the reason.
        """

    def install_torch(self, environment: Path, packages: Sequence[str], cache: Path) -> None:
        """Install packages of PyTorch, from where pip is set up to find them, by way of a folder.

        What lies in `cache` from before never stands in for what pip finds now.

        Raises:
            InstallFailed: with the reason.
        """


class UvInstaller:
    """Links what uv has in its cache, and so shares it with other environments on the disk."""

    def make(self, environment: Path) -> None:
        """Make an environment of our own Python: a stub of Triton runs no other."""
        options = ["--quiet", "--allow-existing", "--python", sys.executable]
        _run([find_uv(), "venv", *options, str(environment)], "making the environment")

    def install(self, environment: Path, lock: Path) -> None:
        """Install the packages of a lock, each by its hash, and nothing that it does not name."""
        options = ["--no-deps", "--require-hashes", "-r", str(lock)]
        _run([*self._pip_install(environment), *options], "installing packages")

    def install_torch(self, environment: Path, packages: Sequence[str], cache: Path) -> None:
        """Download by pip, whose settings say where a site keeps its builds; install by uv."""
        cache.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        options = ["--no-deps", "--only-binary=:all:"]
        with tempfile.TemporaryDirectory(dir=cache) as fresh:  # /tmp may be too small for CUDA's
            into = ["--dest", fresh, *packages]
            _run([*pip, *options, *into], f"downloading {packages[0]}")
            wheels = [_keep_wheel(_find_wheel(Path(fresh), each), cache) for each in packages]
        # A build for CPUs needs nothing beside; one of the registry wants CUDA's packages.
        alone = ["--no-deps"] if "+cpu" in wheels[0].name else []
        command = [*self._pip_install(environment), *alone, *map(str, wheels)]
        _run(command, f"installing {packages[0]}")
        if alone:
            _leave_out_cuda(environment)

    def _pip_install(self, environment: Path) -> list[str]:
        python = str(environment / "bin" / "python")
        return [find_uv(), "pip", "install", "--quiet", "--python", python]


def find_uv() -> str:
    """Return the program uv: our environment's own, or the one on PATH.

    Raises:
        InstallFailed: there is none.
    """
    own = Path(sys.executable).with_name("uv")
    found = str(own) if own.is_file() else shutil.which("uv")
    if found is None:
        raise InstallFailed("uv builds environments, and is not installed: pip install uv")
    return found


def _leave_out_cuda(environment: Path) -> None:
    """Take the compiled part out of a torchaudio that was built for CUDA, beside a torch for CPUs.

    It would not load. Without it torchaudio computes the same in torch. Source: torchaudio 2.11,
    `_extension/__init__.py`, where the part may be missing (read 2026-11-29).
    """
    for library in environment.glob("lib/python*/site-packages/torchaudio/lib/_torchaudio.so"):
        version = library.parents[1] / "version.py"
        if "+cpu" not in version.read_text("utf-8"):
            library.unlink()


def _find_wheel(folder: Path, package: str) -> Path:
    name, _, version = package.partition("==")
    found = list(folder.glob(f"{name}-{version}[-+]*.whl"))
    if len(found) != 1:
        raise InstallFailed(f"pip has downloaded {len(found)} wheels of {package}, not one")
    return found[0]


def _keep_wheel(fresh: Path, cache: Path) -> Path:
    """Move a wheel to where the last one of its package is kept; an equal one stays as it is.

    uv links files between environments that were installed from one wheel, unchanged in its place.
    """
    kept = cache / fresh.name
    for other in cache.glob(f"{fresh.name.partition('-')[0]}-*.whl"):  # of another device or Python
        if other != kept:
            other.unlink()
    if not (kept.is_file() and filecmp.cmp(fresh, kept, shallow=False)):
        fresh.replace(kept)
    return kept


def _run(command: Sequence[str], what: str) -> None:
    # An active environment would be taken for the one to install into.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        ended = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            timeout=_TIMEOUT_S, check=False, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise InstallFailed(f"{what} did not end within {_TIMEOUT_S / 60:.0f} minutes") from None
    if ended.returncode:
        said = " ".join(ended.stderr.split())[-600:]
        raise InstallFailed(f"{what} failed: {said or f'exit status {ended.returncode}'}")
