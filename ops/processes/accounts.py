"""Accounts that processes run as, where the stack was started as root."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ops.errors import CannotStart

# What cannot be read is printed: the first folder or file.
_FIND_CLOSED = """
import os, sys
for top in sys.argv[1:]:
    os.scandir(top).close()
    for folder, _, files in os.walk(top, onerror=lambda error: sys.exit(str(error.filename))):
        for path in (os.path.join(folder, name) for name in files):
            if not os.access(path, os.R_OK):
                sys.exit(path)
"""


class RunAs(TypedDict, total=False):
    """Arguments of `subprocess` that change the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    user: int
    group: int

    def run_as(self) -> RunAs:
        """Return what a process is started with to run as this user."""
        return {"user": self.user, "group": self.group, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        os.chown(path, self.user, self.group)


def find_account(name: str) -> Account:
    """Return the account of that name.

    Raises:
        CannotStart: there is none, or we are not root, and so cannot change accounts.
    """
    if os.geteuid() != 0:
        raise CannotStart(f"only root can run a process as {name}")
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise CannotStart(f"there is no user {name} on this machine") from error
    return Account(name, entry.pw_uid, entry.pw_gid)


def require_readable(account: Account, folders: Iterable[Path], remedy: str) -> None:
    """Refuse what an account cannot read: our Python, or something in the folders.

    Raises:
        CannotStart: names the first that it cannot read, and says the remedy.
    """
    command = [sys.executable, "-I", "-c", _FIND_CLOSED, *map(str, folders)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", **account.run_as()
        )
    except PermissionError as error:
        raise CannotStart(f"{account.name} cannot run {sys.executable}; {remedy}") from error
    if done.returncode != 0:
        closed = done.stderr.strip().splitlines()[-1:] or [sys.executable]
        raise CannotStart(f"{account.name} cannot read {closed[0]}; {remedy}")
