"""ElevenLabs: its errors.

Source: https://elevenlabs.io/docs/developers/resources/errors. Statuses that the vendor does not
state follow the closest one that it does.
"""

import hashlib

from pydantic import BaseModel

from frontend.contracts.kit.envelope import (
    Envelope,
    ErrorEntry,
    ErrorTable,
    FailedRequest,
    get_field,
)
from frontend.contracts.kit.errors import (
    BodyTooLarge,
    NoSuchPath,
    RangeNotSatisfiable,
    UnsupportedEncoding,
    WrongMethod,
)
from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    GenerationFailed,
    InvalidRequest,
    JobNotFound,
    MissingKey,
    Overloaded,
    RateLimited,
    RequestTooLarge,
    TooManyAtOnce,
    TritoneError,
    Unauthenticated,
    UnknownModel,
    UnknownVoice,
    UnsupportedLanguage,
)
from frontend.speech.dictionaries.store import DictionaryNotFound


class HistoryItemNotFound(JobNotFound):
    """No such item in the history."""


class CannotClone(InvalidRequest):
    """A voice to clone: no path of ours does that."""


TABLE: ErrorTable = {
    InvalidRequest: ErrorEntry(422, "validation_error", "invalid_parameters"),
    RequestTooLarge: ErrorEntry(400, "validation_error", "text_too_long"),
    UnknownModel: ErrorEntry(400, "validation_error", "unsupported_model"),
    UnknownVoice: ErrorEntry(404, "not_found", "voice_not_found"),
    UnsupportedLanguage: ErrorEntry(400, "validation_error", "unsupported_language"),
    DictionaryNotFound: ErrorEntry(404, "not_found", "pronunciation_dictionary_not_found"),
    CannotClone: ErrorEntry(400, "invalid_request", "bad_request"),
    Unauthenticated: ErrorEntry(401, "authentication_error", "invalid_api_key"),
    MissingKey: ErrorEntry(401, "authentication_error", "missing_api_key"),
    Forbidden: ErrorEntry(403, "authorization_error", "forbidden"),
    NoSuchPath: ErrorEntry(404, "not_found", "not_found"),
    JobNotFound: ErrorEntry(404, "not_found", "task_not_found"),
    HistoryItemNotFound: ErrorEntry(404, "not_found", "history_item_not_found"),
    WrongMethod: ErrorEntry(405, "invalid_request", "method_not_allowed"),
    BodyTooLarge: ErrorEntry(413, "invalid_request", "request_too_large"),
    UnsupportedEncoding: ErrorEntry(415, "invalid_request", "unsupported_encoding"),
    RangeNotSatisfiable: ErrorEntry(416, "invalid_request", "range_not_satisfiable"),
    Overloaded: ErrorEntry(429, "rate_limit_error", "system_busy"),
    RateLimited: ErrorEntry(429, "rate_limit_error", "rate_limit_exceeded"),
    TooManyAtOnce: ErrorEntry(429, "rate_limit_error", "concurrent_limit_exceeded"),
    GenerationFailed: ErrorEntry(500, "internal_error", "internal_error"),
    BackendUnavailable: ErrorEntry(503, "service_unavailable", "service_unavailable"),
    DeadlineExceeded: ErrorEntry(504, "internal_error", "timeout"),
}


class ElevenLabsDetail(BaseModel):
    """Today's six keys; `status` and `message` alone are what older clients read."""

    type: str
    code: str
    message: str
    status: str  # older clients read it: equals `code`
    request_id: str
    param: str | None


class ElevenLabsError(BaseModel):
    """Any error but those of status 422."""

    detail: ElevenLabsDetail


def make_body(error: TritoneError, entry: ErrorEntry, failed: FailedRequest) -> BaseModel:
    """Return the body of an error whose status is not 422."""
    return ElevenLabsError(
        detail=ElevenLabsDetail(
            type=entry.type,
            code=entry.code,
            message=error.message,
            status=entry.code,
            request_id=shorten_id(failed.request_id),
            param=get_field(error),
        )
    )


def shorten_id(request_id: str) -> str:
    """Return a request id in the vendor's form: 20 alphanumerics, the same for the same id."""
    own = "".join(c for c in request_id if c.isascii() and c.isalnum())
    return (own + hashlib.sha256(request_id.encode()).hexdigest())[:20]


ENVELOPE = Envelope(
    name="elevenlabs",
    table=TABLE,
    model=ElevenLabsError,
    make_body=make_body,
    make_headers=lambda request_id: {"request-id": shorten_id(request_id)},
    lists_faults=True,
)
