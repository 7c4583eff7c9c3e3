"""The secret that stored keys are digested with: a stolen database alone opens nothing."""

import os
import secrets
from pathlib import Path

from frontend.keys.settings import KeySettings
from frontend.settings import InvalidSettings

_FRESH_BYTES = 32
_LEAST_CHARS = 32


def load_pepper(settings: KeySettings) -> bytes:
    """Return the pepper of the settings, else of its file, made the first time (mode 0600).

    Raises:
        InvalidSettings: the file cannot be made or read, or is too short.
    """
    if settings.pepper is not None:
        return settings.pepper.get_secret_value().encode()
    path = Path(settings.pepper_file)
    try:
        if not path.exists():
            _make(path)
        pepper = path.read_text("utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise InvalidSettings(
            f"TRITONE_KEYS__PEPPER_FILE: {path}: {reason}; name another, or set "
            "TRITONE_KEYS__PEPPER"
        ) from error
    if len(pepper) < _LEAST_CHARS:
        raise InvalidSettings(f"TRITONE_KEYS__PEPPER_FILE: {path} is too short for a secret")
    return pepper.encode()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(_FRESH_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(fresh, path)
    finally:
        fresh.unlink()


def _publish(fresh: Path, path: Path) -> None:
    try:
        os.link(fresh, path)  # whole or not at all, and never over another's
    except FileExistsError:
        return  # another process was first: its pepper counts
