"""Fetch a JavaScript package from the npm registry, by name and hash; needs no Node.

`python -m frontend.playground.fetch PACKAGE FOLDER` writes what packages.json lists into FOLDER.
Where no registry is known or reached, it says so and ends well: the page works without.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

_LIST = Path(__file__).with_name("packages.json")
_TIMEOUT_S = 20.0
_MAX_BYTES = 20_000_000
_NO_REGISTRY = "no npm registry is known; set npm_config_registry, or install npm"


class WrongContent(Exception):
    """What came is not what packages.json expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A version of an npm package, and which of its files are wanted under which names."""

    name: str
    version: str
    integrity: str  # "sha512-" and base64
    files: dict[str, str]

    def url(self, registry: str) -> str:
        """Return where a registry keeps the package."""
        return f"{registry.rstrip('/')}/{self.name}/-/{self.name}-{self.version}.tgz"


def read_package(name: str) -> Package:
    """Return a package of packages.json."""
    return Package(name=name, **json.loads(_LIST.read_text())[name])


def find_registry() -> str | None:
    """Return the registry of `npm_config_registry`, else the one that npm would ask."""
    for variable, value in os.environ.items():
        if variable.lower() == "npm_config_registry" and value:
            return value
    npm = shutil.which("npm")
    if npm is None:
        return None
    command = [npm, "config", "get", "registry"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    return done.stdout.strip() or None


def unpack(package: Package, archive: bytes) -> dict[str, bytes]:
    """Return the wanted files by their new names.

    Raises:
        WrongContent: the archive is another one than was expected.
    """
    algorithm, _, expected = package.integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, archive).digest()).decode()
    if found != expected:
        raise WrongContent(f"{package.name} {package.version} has the hash {algorithm}-{found}")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        return {new: _read(tar, f"package/{old}") for old, new in package.files.items()}


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    if member is None:
        raise WrongContent(f"{name} is no file")
    return member.read()


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        partial = folder / f".{name}.{os.getpid()}"
        partial.write_bytes(content)
        partial.replace(folder / name)


def main(name: str, folder: Path) -> int:
    """Fetch; return the exit code: 1 where something else came than was expected."""
    package = read_package(name)
    registry = find_registry()
    if registry is None:
        sys.stderr.write(f"{name} was not fetched: {_NO_REGISTRY}\n")
        return 0
    request = urllib.request.Request(package.url(registry))  # noqa: S310 -- the user's registry
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            archive = answer.read(_MAX_BYTES)
        _write(folder, unpack(package, archive))
    except OSError as error:
        sys.stderr.write(f"{name} was not fetched ({error}); what needs it says so\n")
        return 0
    except WrongContent as error:
        sys.stderr.write(f"{name} was refused: {error}, not {package.integrity}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
