"""Signatures after Standard Webhooks 1.0.0, and the secrets of receivers.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
(read 2026-11-21).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

_PREFIX = "whsec_"


def derive_receiver_secret(master: bytes, owner: str) -> str:
    """Return the secret of one owner's receivers, in the form that libraries take: `whsec_…`."""
    key = hmac.digest(master, b"tritone-webhook:" + owner.encode(), hashlib.sha256)
    return _PREFIX + base64.b64encode(key).decode()


def make_signature_headers(
    secrets: Sequence[str], delivery_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """Return the three headers for these very bytes, sent at this moment.

    Several secrets give several signatures, of which a receiver needs to know one.
    """
    timestamp = str(int(at.timestamp()))
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(each, signed)}" for each in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
