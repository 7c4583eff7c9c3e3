"""Names of files: a date, so that old ones are found cheaply, and 192 random bits."""

import re
import secrets
from datetime import UTC, datetime, timedelta

from frontend.errors import FileNotFound

_RANDOM_BYTES = 24
_KEY = re.compile(r"([0-9]{4}/[0-9]{2}/[0-9]{2})/([A-Za-z0-9_-]{32})\.([a-z0-9]{1,8})")


class InvalidKey(FileNotFound):
    """Not a name that `new_key` makes; it is never looked for."""


def new_key(extension: str, now: datetime) -> str:
    """Return a name that nobody can guess: `2026/11/21/<32 characters>.mp3`."""
    return f"{now.astimezone(UTC):%Y/%m/%d}/{secrets.token_urlsafe(_RANDOM_BYTES)}.{extension}"


def check_key(key: str) -> str:
    """Return the name unchanged: no path but those of `new_key` ever reaches a store.

    Raises:
        InvalidKey: it is not one of ours.
    """
    if _KEY.fullmatch(key) is None:
        raise InvalidKey("not the name of a file")
    return key


def find_end_of_day(folder: str) -> datetime | None:
    """Return the UTC midnight that ended the day of a folder such as `2026/11/21`.

    None: it is no such folder, and not ours.
    """
    try:
        day = datetime.strptime(folder, "%Y/%m/%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return day + timedelta(days=1)


def get_extension(key: str) -> str:
    """Return what follows the last dot."""
    return check_key(key).rpartition(".")[2]
