"""Fetch a JavaScript package from the npm registry, by name and hash; needs no Node.

`python -m frontend.playground.fetch PACKAGE FOLDER` writes what packages.json lists into FOLDER.
Where the registry is not reached, it says so and ends well: the page works without. The registry
is the one that npm would ask (https://docs.npmjs.com/cli/v11/configuring-npm/npmrc, read 2026-11).
"""

import base64
import hashlib
import io
import json
import os
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

DEFAULT_REGISTRY = "https://registry.npmjs.org/"
_LIST = Path(__file__).with_name("packages.json")
_TIMEOUT_S = 20.0
_MAX_BYTES = 20_000_000


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


def find_registry(environment: dict[str, str], folders: tuple[Path, ...]) -> str:
    """Return the registry of the environment, else of the first `.npmrc`, else npm's default."""
    for variable, value in environment.items():
        if variable.lower() == "npm_config_registry" and value:
            return value
    for folder in folders:
        file = folder / ".npmrc"
        for line in file.read_text().splitlines() if file.is_file() else ():
            key, _, value = line.partition("=")
            if key.strip() == "registry" and value.strip():
                return value.strip()
    return DEFAULT_REGISTRY


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
    registry = find_registry(dict(os.environ), (Path.cwd(), Path.home()))
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
