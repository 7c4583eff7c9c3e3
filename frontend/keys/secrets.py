"""The text of a key, `tta_<id>_<secret>`, and its digest. Pure functions.

The id is a keyed fingerprint of the secret: whoever lacks the pepper cannot make up a key that is
worth a look into the database.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_SECRET_BYTES = 32
_ID_CHARS = 12  # 60 bits
_TEXT = re.compile(rf"tta_([a-z2-7]{{{_ID_CHARS}}})_([a-z2-7]{{52}})")
_NAME = re.compile(rf"(?:tta_)?([a-z2-7]{{{_ID_CHARS}}})(?:_[a-z2-7]{{52}})?")


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A key that has the right form."""

    id: str
    secret: bytes

    @property
    def text(self) -> str:
        """What its owner gets to see, once."""
        return f"tta_{self.id}_{self.secret.decode()}"


def new_key(pepper: bytes) -> KeyParts:
    """Return a new key: 256 random bits and their fingerprint."""
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").lower()
    return KeyParts(fingerprint(secret, pepper), secret)


def parse_key(text: str) -> KeyParts | None:
    """Return the parts of a key; None: nobody was ever given such a key."""
    match = _TEXT.fullmatch(text)
    return KeyParts(match[1], match[2].encode()) if match else None


def find_id(text: str) -> str | None:
    """Return the id in what a person gives as a key's name: the id, with or without the rest."""
    match = _NAME.fullmatch(text)
    return match[1] if match else None


def fingerprint(secret: bytes, pepper: bytes) -> str:
    """Return the id that belongs to a secret."""
    return base64.b32encode(_hmac(pepper, b"key-id", secret)).decode()[:_ID_CHARS].lower()


def digest_secret(secret: bytes, pepper: bytes) -> bytes:
    """Return what is stored of a secret: 32 bytes.

    A slow hash would protect guessable secrets; these have 256 random bits.
    """
    return _hmac(pepper, b"key", secret)


def pepper_id(pepper: bytes) -> bytes:
    """Return 8 bytes that tell peppers apart and reveal nothing of them."""
    return _hmac(pepper, b"pepper", b"")[:8]


def is_same(one: bytes | str, other: bytes | str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return hmac.compare_digest(_as_bytes(one), _as_bytes(other))


def _as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _hmac(pepper: bytes, purpose: bytes, secret: bytes) -> bytes:
    return hmac.digest(pepper, b"tritone-" + purpose + b":" + secret, hashlib.sha256)
