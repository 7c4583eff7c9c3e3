"""Triton's shared memory: one name prefix per running stack, and what dead stacks left behind.

The owner of a prefix holds a lock on a file beside the regions. A lock, unlike a process id, ends
with its owner, cannot be taken over by a stranger, and is seen from every container that shares the
folder.
"""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- where POSIX shared memory lives on Linux
MIB = 1 << 20
_PREFIX = "tritone_"
_LOCK = "lock"
_OTHERS = 0o077
_LOOK_S = 0.1


@contextmanager
def own_prefix(folder: Path = SHARED_MEMORY) -> Iterator[str]:
    """Own a fresh prefix, e.g. `tritone_1f0c66aa_`; its regions are removed at the end."""
    prefix, lock = _take_prefix(folder)
    with lock:
        try:
            yield prefix
        finally:
            remove_regions(prefix, folder)
            _lock_path(prefix, folder).unlink(missing_ok=True)


def is_owned(prefix: str, folder: Path = SHARED_MEMORY) -> bool:
    """Return whether the stack of a prefix is alive."""
    try:
        with _lock_path(prefix, folder).open("r+") as lock:
            return not _acquires(lock)
    except FileNotFoundError:
        return False
    except PermissionError:  # another user's: not ours to judge
        return True


def find_abandoned_prefixes(folder: Path = SHARED_MEMORY) -> list[str]:
    """Return the prefixes whose owner has died."""
    locks = sorted(folder.glob(f"{_PREFIX}*_{_LOCK}"))
    prefixes = [path.name.removesuffix(_LOCK) for path in locks]
    return [prefix for prefix in prefixes if not is_owned(prefix, folder)]


async def keep_closed(prefix: str, folder: Path = SHARED_MEMORY) -> None:
    """Close the regions of a prefix to other users, each soon after it was made, until cancelled.

    Triton makes them so that everybody may read them, whatever the umask: there are prompts and
    sounds in them.
    """
    while True:
        close_regions(prefix, folder)
        await asyncio.sleep(_LOOK_S)


def close_regions(prefix: str, folder: Path = SHARED_MEMORY) -> None:
    """Close the regions that are there to other users."""
    for path in folder.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # it went meanwhile
            if path.stat().st_mode & _OTHERS:
                path.chmod(0o600)


def remove_regions(prefix: str, folder: Path = SHARED_MEMORY) -> None:
    """Remove the regions of a prefix, whose processes must be gone; its lock stays."""
    for path in folder.glob(f"{prefix}*"):
        if path != _lock_path(prefix, folder):
            path.unlink(missing_ok=True)


def remove_abandoned(prefix: str, folder: Path = SHARED_MEMORY) -> None:
    """Remove the regions and the lock of a dead stack, whose processes must be gone."""
    remove_regions(prefix, folder)
    _lock_path(prefix, folder).unlink(missing_ok=True)


def count_free_bytes(folder: Path = SHARED_MEMORY) -> int:
    """Return how much shared memory is left."""
    usage = os.statvfs(folder)
    return usage.f_bavail * usage.f_frsize


def _take_prefix(folder: Path) -> tuple[str, IO[str]]:
    while True:
        prefix = f"{_PREFIX}{secrets.token_hex(4)}_"
        path = _lock_path(prefix, folder)
        lock = path.open("w")
        # Before the lock is held, another stack's cleaning may take it for abandoned.
        if _acquires(lock) and path.exists():
            return prefix, lock
        lock.close()


def _lock_path(prefix: str, folder: Path) -> Path:
    return folder / f"{prefix}{_LOCK}"


def _acquires(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
