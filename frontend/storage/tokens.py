"""Expiring links to files of a store that cannot sign: pure functions over HMAC-SHA256."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from frontend.errors import FileNotFound
from frontend.storage.names import InvalidKey, check_key, get_extension

_EXPIRY_BYTES = 5  # seconds since 1970, until the year 36812
_DIGEST_BYTES = 32


class InvalidToken(FileNotFound):
    """Not signed by us, changed, or expired."""


def sign(key: str, expires_at: datetime, secret: bytes) -> str:
    """Return a token for one file; it ends like the file's name, for players that look there."""
    expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    payload = expiry + check_key(key).encode()
    token = base64.urlsafe_b64encode(_digest(payload, secret) + payload).decode().rstrip("=")
    return f"{token}.{get_extension(key)}"


def verify(token: str, now: datetime, secret: bytes) -> str:
    """Return the file's name.

    Raises:
        InvalidToken: the token is not one of ours, or its time is over.
    """
    body, _, extension = token.rpartition(".")
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("not a token") from error
    signature, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if not hmac.compare_digest(signature, _digest(payload, secret)):
        raise InvalidToken("not signed by us")
    if now.timestamp() >= int.from_bytes(payload[:_EXPIRY_BYTES], "big"):
        raise InvalidToken("expired")
    try:
        key = check_key(payload[_EXPIRY_BYTES:].decode())
    except (InvalidKey, UnicodeDecodeError) as error:
        raise InvalidToken("not a token") from error
    if extension != get_extension(key):
        raise InvalidToken("not a token")
    return key


def _digest(payload: bytes, secret: bytes) -> bytes:
    # The label keeps signatures of other things made with the same secret apart.
    return hmac.digest(secret, b"tritone-file:" + payload, hashlib.sha256)
