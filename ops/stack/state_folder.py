"""A folder has one owner at a time, as the state folder: a lock that ends with whoever holds it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.errors import CannotStart

_FILE = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a folder."""

    pid: int
    command: str  # e.g. `tritone up`
    since: float  # seconds since 1970

    def __str__(self) -> str:
        began = datetime.fromtimestamp(self.since, UTC).isoformat(" ", "seconds")
        return f"`{self.command}`, process {self.pid}, since {began}"


@contextmanager
def hold(
    folder: Path,
    command: str,
    *,
    setting: str = "TRITONE_STATE_DIRECTORY",
    way_out: str = "stop that",
) -> Iterator[None]:
    """Own a folder, which is made where it does not exist.

    `setting` is the variable that places it, `way_out` what helps whoever comes second.

    Raises:
        CannotStart: another process owns it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise CannotStart(
            f"the folder {folder} cannot be written to ({error.strerror}); set {setting} to a "
            "folder of yours"
        ) from error
    with file:
        if not _acquires(file.fileno()):
            raise CannotStart(
                f"{folder} is in use by {read_holder(folder) or 'another process'}; {way_out}, or "
                f"set {setting} to another folder"
            )
        file.truncate(0)
        file.write(json.dumps(asdict(Holder(pid=os.getpid(), command=command, since=time.time()))))
        file.flush()
        yield


def read_holder(folder: Path) -> Holder | None:
    """Return who owns a folder now, or None."""
    with suppress(OSError, ValueError, TypeError), (folder / _FILE).open(encoding="utf-8") as file:
        if _acquires(file.fileno(), shared=True):
            return None
        return Holder(**json.load(file))
    return None


def _acquires(descriptor: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
