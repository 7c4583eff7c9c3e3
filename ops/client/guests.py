"""Who uses the stack of a state folder: one that runs for the moment ends after its last guest."""

import fcntl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from ops.polling import until

_FILE = "guests"


@asynccontextmanager
async def visiting(folder: Path) -> AsyncIterator[None]:
    """Be a guest until the block ends; waits while a stack is being stopped."""
    file = _open(folder)
    if file is None:  # no stack runs there, or another user's, which nobody stops for us
        yield
        return
    with file:
        await _take(file, fcntl.LOCK_SH)
        yield


@asynccontextmanager
async def alone(folder: Path, wait: Callable[[], None]) -> AsyncIterator[None]:
    """Wait until there are no guests, and let none in until the block ends.

    `wait` is called when there are some.
    """
    file = _open(folder)
    if file is None:
        yield
        return
    with file:
        if not _takes(file, fcntl.LOCK_EX):
            wait()
            await _take(file, fcntl.LOCK_EX)
        yield


def _open(folder: Path) -> IO[str] | None:
    with suppress(OSError):
        return (folder / _FILE).open("a")
    return None


async def _take(file: IO[str], kind: int) -> None:
    async def takes() -> bool:
        return _takes(file, kind)

    await until(takes)


def _takes(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
