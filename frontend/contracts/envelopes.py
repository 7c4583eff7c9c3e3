"""Domain errors to each contract's status and body: every status on one screen.

Sources: ElevenLabs, https://elevenlabs.io/docs/developers/resources/errors; LocalAI,
core/schema/openai.go and its page "Sound Generation"; vLLM-Omni, its page "Audio Generate API".
Statuses that no vendor states follow the closest one that does.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.contracts.body import Fault, MalformedRequest
from frontend.contracts.dialect import dialect_of
from frontend.contracts.wire import (
    ElevenLabsDetail,
    ElevenLabsError,
    ErrorDetail,
    ErrorObject,
    FaultEntry,
    FaultList,
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
)


class BodyTooLarge(RequestTooLarge):
    """The body, not the prompt, is over its limit."""


class NoSuchPath(TritoneError):
    """Nothing is served at this path."""


class WrongMethod(NoSuchPath):
    """The path is served, but not with this method."""


class Unexpected(GenerationFailed):
    """An error of ours that nobody foresaw."""


class Row(NamedTuple):
    """How one error looks in one contract."""

    status: int
    type: str
    code: str = ""


Rows = Mapping[type[TritoneError], Row]

ELEVENLABS_ROWS: Rows = {
    InvalidRequest: Row(422, "validation_error", "invalid_parameters"),
    RequestTooLarge: Row(400, "validation_error", "text_too_long"),
    UnknownModel: Row(400, "validation_error", "unsupported_model"),
    Unauthenticated: Row(401, "authentication_error", "invalid_api_key"),
    MissingKey: Row(401, "authentication_error", "missing_api_key"),
    Forbidden: Row(403, "authorization_error", "forbidden"),
    NoSuchPath: Row(404, "not_found", "not_found"),
    JobNotFound: Row(404, "not_found", "task_not_found"),
    WrongMethod: Row(405, "invalid_request", "method_not_allowed"),
    BodyTooLarge: Row(413, "invalid_request", "request_too_large"),
    Overloaded: Row(429, "rate_limit_error", "system_busy"),
    RateLimited: Row(429, "rate_limit_error", "rate_limit_exceeded"),
    TooManyAtOnce: Row(429, "rate_limit_error", "concurrent_limit_exceeded"),
    GenerationFailed: Row(500, "internal_error", "internal_error"),
    BackendUnavailable: Row(503, "service_unavailable", "service_unavailable"),
    DeadlineExceeded: Row(504, "internal_error", "timeout"),
}

LOCALAI_ROWS: Rows = {
    InvalidRequest: Row(400, "invalid_request_error"),
    Unauthenticated: Row(401, "authentication_error"),
    Forbidden: Row(403, "permission_error"),
    NoSuchPath: Row(404, "not_found_error"),  # of the path or of the method
    JobNotFound: Row(404, "not_found_error"),
    BodyTooLarge: Row(413, "invalid_request_error"),
    GenerationFailed: Row(500, "server_error"),
    Overloaded: Row(503, "overloaded"),
    BackendUnavailable: Row(503, "model_loading"),
    DeadlineExceeded: Row(504, "timeout"),
}

VLLM_OMNI_ROWS: Rows = {
    MalformedRequest: Row(422, ""),  # the schema's limits
    RequestTooLarge: Row(422, ""),
    InvalidRequest: Row(400, "BadRequestError"),  # the model's limits
    GenerationFailed: Row(400, "BadRequestError"),  # its document's own example
    Unauthenticated: Row(401, "AuthenticationError"),
    Forbidden: Row(403, "PermissionDeniedError"),
    UnknownModel: Row(404, "NotFoundError"),
    NoSuchPath: Row(404, "NotFoundError"),
    JobNotFound: Row(404, "NotFoundError"),
    WrongMethod: Row(405, "MethodNotAllowedError"),
    BodyTooLarge: Row(413, "RequestEntityTooLargeError"),
    Unexpected: Row(500, "InternalServerError"),
    Overloaded: Row(503, "ServiceUnavailableError"),
    BackendUnavailable: Row(503, "ServiceUnavailableError"),
    DeadlineExceeded: Row(504, "GatewayTimeoutError"),
}

UNAVAILABLE_RETRY_S = 5  # a restarted Triton has its models back by then


@dataclass(frozen=True, slots=True)
class Envelope:
    """One contract's way of saying that something went wrong."""

    name: str
    rows: Rows
    model: type[BaseModel]  # of every status but 422
    body: Callable[[TritoneError, Row, str], BaseModel]
    headers: Callable[[str], dict[str, str]] = lambda _request_id: {}

    def render(self, error: TritoneError, request_id: str) -> JSONResponse:
        """Return the answer to a request that ended with `error`."""
        row = self.row_of(type(error))
        return JSONResponse(
            self.body(error, row, request_id).model_dump(),
            row.status,
            headers=self.headers(request_id) | _advice(error),
        )

    def row_of(self, kind: type[TritoneError]) -> Row:
        """Return the row of an error or of its nearest ancestor that has one."""
        return next(self.rows[each] for each in kind.__mro__ if each in self.rows)


def _advice(error: TritoneError) -> dict[str, str]:
    if isinstance(error, Overloaded):
        return {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
    if isinstance(error, BackendUnavailable):
        return {"retry-after": str(UNAVAILABLE_RETRY_S)}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    return {}


def _fault_list(error: TritoneError) -> FaultList:
    if isinstance(error, MalformedRequest):
        faults = error.faults
    else:
        field = getattr(error, "field", None)
        location = ("body",) if field is None else ("body", field)
        faults = (Fault(location, error.message, getattr(error, "kind", "value_error")),)
    return FaultList(
        detail=[FaultEntry(loc=list(f.location), msg=f.message, type=f.kind) for f in faults]
    )


LISTS_FAULTS = 422  # the status whose body is a list of faults


def _elevenlabs(error: TritoneError, row: Row, request_id: str) -> BaseModel:
    if row.status == LISTS_FAULTS:
        return _fault_list(error)
    return ElevenLabsError(
        detail=ElevenLabsDetail(
            type=row.type,
            code=row.code,
            message=error.message,
            status=row.code,
            request_id=short_id(request_id),
            param=getattr(error, "field", None),
        )
    )


def _error_object(error: TritoneError, row: Row, _request_id: str) -> BaseModel:
    if row.status == LISTS_FAULTS:
        return _fault_list(error)
    field = getattr(error, "field", None)
    return ErrorObject(
        error=ErrorDetail(message=error.message, type=row.type, param=field, code=row.status)
    )


def short_id(request_id: str) -> str:
    """Return a request id in ElevenLabs' form: 20 alphanumerics, the same for the same id."""
    own = "".join(c for c in request_id if c.isascii() and c.isalnum())
    return (own + hashlib.sha256(request_id.encode()).hexdigest())[:20]


def _short_id_header(request_id: str) -> dict[str, str]:
    return {"request-id": short_id(request_id)}


ELEVENLABS = Envelope("elevenlabs", ELEVENLABS_ROWS, ElevenLabsError, _elevenlabs, _short_id_header)
LOCALAI = Envelope("localai", LOCALAI_ROWS, ErrorObject, _error_object)
VLLM_OMNI = Envelope("vllm-omni", VLLM_OMNI_ROWS, ErrorObject, _error_object)
_NOBODYS = Envelope(
    "none",
    {**LOCALAI_ROWS, WrongMethod: Row(405, "invalid_request_error")},
    ErrorObject,
    _error_object,
)


_OWNERS: tuple[tuple[str, Envelope], ...] = (
    ("/elevenlabs/", ELEVENLABS),
    ("/localai/", LOCALAI),
    ("/vllm-omni/", VLLM_OMNI),
    ("/v1/audio/generate", VLLM_OMNI),
    ("/v1/text-to-speech", ELEVENLABS),
    ("/v1/voices", ELEVENLABS),
    ("/v2/voices", ELEVENLABS),
    ("/v1/user", ELEVENLABS),
    ("/v1/history", ELEVENLABS),
    ("/v1/music", ELEVENLABS),
)
SHARED_PATHS = ("/v1/sound-generation",)  # their dialect decides
_DIALECTS = {"elevenlabs": ELEVENLABS, "localai": LOCALAI}

_NO_SUCH_PATH, _WRONG_METHOD = 404, 405
_HTTP_ERRORS: Mapping[int, TritoneError] = {
    _NO_SUCH_PATH: NoSuchPath("Resource not found"),
    _WRONG_METHOD: WrongMethod("Method not allowed"),
    413: BodyTooLarge("The request body is too large."),
}


def envelope_of(request: Request) -> Envelope:
    """Return the envelope for an error that no contract's route caught, chosen by the path."""
    path = request.url.path
    if path.startswith(SHARED_PATHS):
        return _DIALECTS[dialect_of(request.headers, request.query_params, None)]
    owners = (envelope for prefix, envelope in _OWNERS if path.startswith(prefix))
    return next(owners, _NOBODYS)


def render_http_error(request: Request, status: int) -> JSONResponse:
    """Return the answer to a request that matched no route (404, 405) or was too large (413)."""
    envelope = envelope_of(request)
    if envelope is LOCALAI and status == _WRONG_METHOD:
        status = _NO_SUCH_PATH  # LocalAI tells them apart neither in status nor in words
    error = _HTTP_ERRORS.get(status, InvalidRequest("The request is malformed."))
    return envelope.render(error, request_id_of(request))


def render_unexpected(request: Request, request_id: str) -> JSONResponse:
    """Return a 500 that says nothing about its cause; the log has it under the request id."""
    error = Unexpected("Something went wrong on our side.")
    return envelope_of(request).render(error, request_id)


def request_id_of(request: Request) -> str:
    """Return the id under which the logs have this request."""
    return str(getattr(request.state, "request_id", ""))
