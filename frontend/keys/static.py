"""Keys that the settings name: for a deployment without a database."""

import hashlib
from collections.abc import Iterable

from pydantic import SecretStr

from frontend.keys.secrets import is_same

_ID_CHARS = 12


class StaticKeys:
    """A handful of keys, compared one by one."""

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        """Keep digests only: of equal length, whatever the keys' lengths are."""
        self._digests = [_digest(key.get_secret_value()) for key in keys]

    def id_of(self, presented: str) -> str | None:
        """Return the id of a key, the same after every start; None: it is not one of these."""
        digest = _digest(presented)
        # All are compared: how long it takes tells nothing about which one it was.
        matches = [each for each in self._digests if is_same(each, digest)]
        return f"static-{matches[0].hex()[:_ID_CHARS]}" if matches else None


def _digest(key: str) -> bytes:
    # A header may hold what no Unicode text does.
    return hashlib.sha256(b"tritone-static-key:" + key.encode(errors="surrogateescape")).digest()
