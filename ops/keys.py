"""`tritone keys`: the frontend's program, led to the database and the pepper of `tritone up`."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ops.settings import Settings, copy_environment
from ops.stack import state_folder
from ops.stack.database import embedded_postgres
from ops.stack.environment import key_environment
from tritone.environment import DATABASE_URL

KEY_COMMANDS = ("create", "list", "revoke")
"""What the program knows, for the completion in shells."""


def keys(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the program and return its exit status.

    Raises:
        CannotStart: the stack's own database is needed, and does not start.
    """
    with _database_url(settings) as url:
        command = [sys.executable, "-m", "frontend.keys", *arguments]
        environment = {**key_environment(settings), DATABASE_URL: url}
        return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    given = copy_environment().get(DATABASE_URL)
    database = embedded_postgres(settings)
    if given:
        yield given
    elif database.attach():
        yield database.url
    else:  # the stack is down: keys may be made before it first starts
        with state_folder.hold(settings.resolved_state_directory(), "tritone keys"), database:
            yield database.url
