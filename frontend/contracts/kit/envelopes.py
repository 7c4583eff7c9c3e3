"""Domain errors to each contract's body and headers; the statuses are in `rows`."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.contracts.kit.body import Fault, MalformedRequest
from frontend.contracts.kit.rows import (
    AIMLAPI_ROWS,
    ELEVENLABS_ROWS,
    LOCALAI_ROWS,
    MUSICGPT_ROWS,
    TRITONE_ROWS,
    VLLM_OMNI_ROWS,
    BodyTooLarge,
    NoSuchPath,
    Row,
    Rows,
    Unexpected,
    WrongMethod,
)
from frontend.contracts.kit.wire import (
    AimlapiError,
    ElevenLabsDetail,
    ElevenLabsError,
    ErrorDetail,
    ErrorObject,
    FaultEntry,
    FaultList,
    MusicGptError,
)
from frontend.contracts.shared_paths.dialect import dialect_of
from frontend.errors import (
    BackendUnavailable,
    InvalidRequest,
    Overloaded,
    TritoneError,
    Unauthenticated,
)

UNAVAILABLE_RETRY_S = 5  # a restarted Triton has its models back by then


_LISTS_FAULTS = 422


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that ended with an error: what envelopes say of it beside the error."""

    request_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One contract's way of saying that something went wrong."""

    name: str
    rows: Rows
    model: type[BaseModel]  # of every status but 422, where `lists_faults`
    body: Callable[[TritoneError, Row, Failed], BaseModel]
    headers: Callable[[str], dict[str, str]] = lambda _request_id: {}
    lists_faults: bool = False

    def render(self, error: TritoneError, request: Request) -> JSONResponse:
        """Return the answer to a request that ended with `error`."""
        row = self.row_of(type(error))
        request_id = request_id_of(request)
        return JSONResponse(
            self._body(error, row, Failed(request_id, request.url.path)).model_dump(),
            row.status,
            headers=self.headers(request_id) | _advice(error),
        )

    def row_of(self, kind: type[TritoneError]) -> Row:
        """Return the row of an error or of its nearest ancestor that has one."""
        return next(self.rows[each] for each in kind.__mro__ if each in self.rows)

    def model_of(self, status: int) -> type[BaseModel]:
        """Return the model of the body of a status."""
        return FaultList if self.lists_faults and status == _LISTS_FAULTS else self.model

    def _body(self, error: TritoneError, row: Row, failed: Failed) -> BaseModel:
        if self.model_of(row.status) is FaultList:
            return _fault_list(error)
        return self.body(error, row, failed)


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


def _elevenlabs(error: TritoneError, row: Row, failed: Failed) -> BaseModel:
    return ElevenLabsError(
        detail=ElevenLabsDetail(
            type=row.type,
            code=row.code,
            message=error.message,
            status=row.code,
            request_id=short_id(failed.request_id),
            param=getattr(error, "field", None),
        )
    )


def _error_object(error: TritoneError, row: Row, _failed: Failed) -> BaseModel:
    field = getattr(error, "field", None)
    return ErrorObject(
        error=ErrorDetail(message=error.message, type=row.type, param=field, code=row.status)
    )


def _aimlapi(error: TritoneError, row: Row, failed: Failed) -> BaseModel:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return AimlapiError(
        message=error.message,
        path=failed.path,
        requestId=failed.request_id,
        statusCode=row.status,
        timestamp=now.replace("+00:00", "Z"),
    )


def _musicgpt(error: TritoneError, _row: Row, _failed: Failed) -> BaseModel:
    return MusicGptError(message=error.message, detail=error.message)


def short_id(request_id: str) -> str:
    """Return a request id in ElevenLabs' form: 20 alphanumerics, the same for the same id."""
    own = "".join(c for c in request_id if c.isascii() and c.isalnum())
    return (own + hashlib.sha256(request_id.encode()).hexdigest())[:20]


def _short_id_header(request_id: str) -> dict[str, str]:
    return {"request-id": short_id(request_id)}


ELEVENLABS = Envelope(
    "elevenlabs",
    ELEVENLABS_ROWS,
    ElevenLabsError,
    _elevenlabs,
    _short_id_header,
    lists_faults=True,
)
LOCALAI = Envelope("localai", LOCALAI_ROWS, ErrorObject, _error_object)
VLLM_OMNI = Envelope("vllm-omni", VLLM_OMNI_ROWS, ErrorObject, _error_object, lists_faults=True)
AIMLAPI = Envelope("aimlapi", AIMLAPI_ROWS, AimlapiError, _aimlapi)
MUSICGPT = Envelope("musicgpt", MUSICGPT_ROWS, MusicGptError, _musicgpt)
TRITONE = Envelope("tritone", TRITONE_ROWS, ErrorObject, _error_object)

_OWNERS: tuple[tuple[str, Envelope], ...] = (
    ("/elevenlabs/", ELEVENLABS),
    ("/localai/", LOCALAI),
    ("/vllm-omni/", VLLM_OMNI),
    ("/aimlapi/", AIMLAPI),
    ("/musicgpt/", MUSICGPT),
    ("/v1/audio/generate", VLLM_OMNI),
    ("/v1/text-to-speech", ELEVENLABS),
    ("/v1/voices", ELEVENLABS),
    ("/v2/voices", ELEVENLABS),
    ("/v1/user", ELEVENLABS),
    ("/v1/history", ELEVENLABS),
    ("/v1/music", ELEVENLABS),
    ("/v2/generate", AIMLAPI),
    ("/api/public", MUSICGPT),
    ("/sound_generator", MUSICGPT),
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
    return next(owners, TRITONE)


def render_http_error(request: Request, status: int) -> JSONResponse:
    """Return the answer to a request that matched no route (404, 405) or was too large (413)."""
    envelope = envelope_of(request)
    if envelope is LOCALAI and status == _WRONG_METHOD:
        status = _NO_SUCH_PATH  # LocalAI tells them apart neither in status nor in words
    error = _HTTP_ERRORS.get(status, InvalidRequest("The request is malformed."))
    return envelope.render(error, request)


def render_unexpected(request: Request, _request_id: str) -> JSONResponse:
    """Return a 500 that says nothing about its cause; the log has it under the request id."""
    error = Unexpected("Something went wrong on our side.")
    return envelope_of(request).render(error, request)


def request_id_of(request: Request) -> str:
    """Return the id under which the logs have this request."""
    return str(getattr(request.state, "request_id", ""))
