"""`Idempotency-Key`: a repeated request with the same key gets the answer of the first time.

Source: https://docs.stripe.com/api/idempotent_requests. Jobs keep the promise, however busy the
server is. Routes that answer with the sound itself keep no answers, and say so.
"""

import hashlib
import json

from fastapi import Request
from pydantic import BaseModel

from frontend.errors import InvalidRequest

HEADER = "Idempotency-Key"


def get_idempotency_key(request: Request) -> str | None:
    """Return the key that the client sent; an empty one is none."""
    return request.headers.get(HEADER) or None


def digest_body(contract: str, body: BaseModel) -> bytes:
    """Return what tells a repeated request from another one: what was sent, not what it came to."""
    words = json.dumps([contract, body.model_dump()], sort_keys=True, default=str)
    return hashlib.sha256(words.encode()).digest()


def refuse_idempotency_key(request: Request) -> None:
    """Return if the client sent no key.

    Raises:
        InvalidRequest: it did, to a route that would make the sound again.
    """
    if get_idempotency_key(request) is not None:
        raise InvalidRequest(
            f"This path keeps no answers: it takes no {HEADER}. Leave the header out, or use jobs.",
            field=HEADER,
        )
