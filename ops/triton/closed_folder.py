"""A folder of one Triton's own: closed to other users, and with a short and plain path.

Its socket lies there, whose path may have about 100 characters, and links to folders whose names
Triton's shell would stumble over.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.errors import CannotStart
from ops.processes.accounts import Account

# Triton starts each backend process by a line of shell, in which it quotes no path.
_ODD = re.compile(r"[\s'\"`$\\;&|<>(){}*?!#~]")
_FALLBACK = Path("/tmp")  # noqa: S108 -- the folder that is made in it is closed
_MAX_PARENT_CHARS = 60


class ClosedFolder:
    """The folder, while it is there."""

    def __init__(self, path: Path) -> None:
        """`path` exists, and is ours."""
        self._path = path
        self.socket = path / "grpc"  # Triton adds a colon and a port
        self._links = path / "links"

    def give_to(self, account: Account) -> None:
        """Let another user than root make the socket; root gets everywhere."""
        account.own(self._path)

    def make_plain(self, folder: Path) -> Path:
        """Return a path to a folder that Triton's shell understands: its own, or a link's."""
        if not _ODD.search(str(folder)):
            return folder
        self._links.mkdir(exist_ok=True)
        known = [link for link in self._links.iterdir() if link.readlink() == folder]
        if known:
            return known[0]
        link = self._links / str(len(list(self._links.iterdir())))
        link.symlink_to(folder)
        return link


@contextmanager
def own_folder(prefix: str) -> Iterator[ClosedFolder]:
    """Make the folder, and remove it at the end; its name begins with the stack's prefix.

    Raises:
        CannotStart: there is no place for it.
    """
    try:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=_choose_parent()))
    except OSError as error:
        raise CannotStart(
            f"no folder for temporary files can be written to ({error.strerror}); set TMPDIR to one"
        ) from error
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # systemd-tmpfiles leaves a locked folder alone, however old what is in it gets.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield ClosedFolder(path)
    finally:
        os.close(descriptor)
        shutil.rmtree(path, ignore_errors=True)


def remove_folders(prefix: str) -> None:
    """Remove what a dead stack left."""
    for path in _choose_parent().glob(f"{prefix}*"):
        shutil.rmtree(path, ignore_errors=True)


def _choose_parent() -> Path:
    parent = tempfile.gettempdir()
    is_good = len(parent) <= _MAX_PARENT_CHARS and not _ODD.search(parent)
    return Path(parent) if is_good else _FALLBACK
