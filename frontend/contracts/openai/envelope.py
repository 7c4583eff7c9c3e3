"""OpenAI: its errors. Official clients make an exception class of the status.

Source: https://platform.openai.com/docs/guides/error-codes and the error classes of the official
clients: `error.code` is a word or null, never a number.
"""

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
    Overloaded,
    RequestTooLarge,
    TritoneError,
    Unauthenticated,
    UnknownModel,
    UnknownVoice,
)

_INVALID, _SERVER = "invalid_request_error", "server_error"

TABLE: ErrorTable = {
    InvalidRequest: ErrorEntry(400, _INVALID, "invalid_value"),
    RequestTooLarge: ErrorEntry(400, _INVALID, "string_above_max_length"),
    UnknownVoice: ErrorEntry(400, _INVALID, "voice_not_found"),
    Unauthenticated: ErrorEntry(401, _INVALID, "invalid_api_key"),
    Forbidden: ErrorEntry(403, _INVALID, "permission_denied"),
    UnknownModel: ErrorEntry(404, _INVALID, "model_not_found"),
    NoSuchPath: ErrorEntry(404, _INVALID, "unknown_url"),
    JobNotFound: ErrorEntry(404, _INVALID, "not_found"),
    WrongMethod: ErrorEntry(405, _INVALID, "method_not_supported"),
    BodyTooLarge: ErrorEntry(413, _INVALID, "request_too_large"),
    UnsupportedEncoding: ErrorEntry(415, _INVALID, "unsupported_encoding"),
    Overloaded: ErrorEntry(429, "rate_limit_error", "rate_limit_exceeded"),
    GenerationFailed: ErrorEntry(500, _SERVER, "server_error"),
    BackendUnavailable: ErrorEntry(503, _SERVER, "service_unavailable"),
    DeadlineExceeded: ErrorEntry(504, _SERVER, "timeout"),
}


class OpenAIErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """Any error of this contract."""

    error: OpenAIErrorDetail


def _make_body(error: TritoneError, entry: ErrorEntry, _failed: FailedRequest) -> BaseModel:
    return OpenAIError(
        error=OpenAIErrorDetail(
            message=error.message, type=entry.type, param=get_field(error), code=entry.code
        )
    )


ENVELOPE = Envelope(name="openai", table=TABLE, model=OpenAIError, make_body=_make_body)
