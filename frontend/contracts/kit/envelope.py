"""An envelope: how one contract tells its clients what went wrong.

Each contract has its envelope in its own folder: a table from our errors to statuses and names, and
a function that makes the JSON body.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from frontend.contracts.kit.app_parts import get_request_id
from frontend.contracts.kit.body import PYDANTIC_TYPES, Fault, MalformedRequest
from frontend.contracts.kit.error_bodies import ErrorDetail, ErrorObject, FaultEntry, FaultList
from frontend.errors import (
    BackendUnavailable,
    InvalidRequest,
    Overloaded,
    TritoneError,
    Unauthenticated,
)

UNAVAILABLE_RETRY_S = 5  # a restarted Triton has its models back by then
_FAULT_LIST_STATUS = 422


class ErrorEntry(NamedTuple):
    """How one error looks in one contract."""

    status: int
    type: str = ""
    code: str = ""


ErrorTable = Mapping[type[TritoneError], ErrorEntry]


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """What bodies of errors say about the request itself."""

    request_id: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One contract's way to say that something went wrong."""

    name: str  # of the contract; also in logs, metrics and jobs
    table: ErrorTable
    model: type[BaseModel]  # of every status but 422, where `lists_faults`
    make_body: Callable[[TritoneError, ErrorEntry, FailedRequest], BaseModel]
    make_headers: Callable[[str], dict[str, str]] = lambda _request_id: {}
    lists_faults: bool = False

    def render(self, error: TritoneError, request: Request) -> JSONResponse:
        """Return the answer to a request that ended with `error`."""
        entry = self.find_entry(type(error))
        failed = FailedRequest(get_request_id(request), request.url.path)
        if self.get_model(entry.status) is FaultList:
            body: BaseModel = _list_faults(error)
        else:
            body = self.make_body(error, entry, failed)
        headers = self.make_headers(failed.request_id) | _advise(error)
        return JSONResponse(body.model_dump(), entry.status, headers=headers)

    def find_entry(self, kind: type[TritoneError]) -> ErrorEntry:
        """Return the entry of an error class, or of its nearest ancestor that has one."""
        return next(self.table[each] for each in kind.__mro__ if each in self.table)

    def get_model(self, status: int) -> type[BaseModel]:
        """Return the model of the body of a status."""
        return FaultList if self.lists_faults and status == _FAULT_LIST_STATUS else self.model


def make_error_object(error: TritoneError, entry: ErrorEntry, _failed: FailedRequest) -> BaseModel:
    """Return the body that OpenAI and its descendants use."""
    return ErrorObject(
        error=ErrorDetail(
            message=error.message, type=entry.type, param=get_field(error), code=entry.status
        )
    )


def get_field(error: TritoneError) -> str | None:
    """Return the field that an error blames, if there is one."""
    return error.field if isinstance(error, InvalidRequest) else None


def _advise(error: TritoneError) -> dict[str, str]:
    """Return the headers that say what the client can do about an error."""
    if isinstance(error, Overloaded):
        return {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
    if isinstance(error, BackendUnavailable):
        return {"retry-after": str(UNAVAILABLE_RETRY_S)}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    return {}


def _list_faults(error: TritoneError) -> FaultList:
    if isinstance(error, MalformedRequest):
        faults = error.faults
    else:
        field = get_field(error)
        location = ("body",) if field is None else ("body", field)
        kind = error.kind if isinstance(error, InvalidRequest) else "invalid"
        faults = (Fault(location, error.message, PYDANTIC_TYPES[kind]),)
    return FaultList(
        detail=[FaultEntry(loc=list(f.location), msg=f.message, type=f.type) for f in faults]
    )
