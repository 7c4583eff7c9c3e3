"""`tritone keys`: the frontend's program, led to the database and the pepper of `tritone up`."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ops.job_database import embedded_postgres
from ops.settings import Settings, inherited_environment

DATABASE_URL = "TRITONE_JOBS__DATABASE_URL"
PEPPER_FILE = "TRITONE_KEYS__PEPPER_FILE"


def keys(settings: Settings, arguments: Sequence[str]) -> int:
    """Run the program and return its exit status.

    Raises:
        CannotStart: the stack's own database is needed, and does not start.
    """
    with _database_url(settings) as url:
        command = [sys.executable, "-m", "frontend.keys", *arguments]
        environment = {**key_environment(settings), DATABASE_URL: url}
        return subprocess.run(command, env=environment, check=False).returncode


def key_environment(settings: Settings) -> dict[str, str]:
    """Return our environment, with the pepper in the state folder unless it is said elsewhere."""
    environment = inherited_environment()
    pepper_file = settings.resolved_state_directory() / "keys.pepper"
    return environment | {PEPPER_FILE: environment.get(PEPPER_FILE) or str(pepper_file)}


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    given = inherited_environment().get(DATABASE_URL)
    database = embedded_postgres(settings)
    if given:
        yield given
    elif database.attach():
        yield database.url
    else:  # the stack is down: keys may be made before it first starts
        with database:
            yield database.url
