"""The fingerprint by which files are known."""

import hashlib
from pathlib import Path


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_artifacts(folder: Path) -> dict[str, Path]:
    """Return the files of every version in a repository, by their paths in it."""
    found = sorted(path for path in folder.glob("*/*/*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}
