"""Errors of requests that matched no route, in the envelope of the contract that owns the path."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.routing import Match

from frontend.contracts import tritone
from frontend.contracts.kit.envelope import Envelope
from frontend.contracts.kit.errors import BodyTooLarge, NoSuchPath, Unexpected, WrongMethod
from frontend.contracts.shared_paths import find_shared_envelope
from frontend.contracts.table import CONTRACTS
from frontend.errors import InvalidRequest, TritoneError

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NO_SUCH_PATH, _WRONG_METHOD, _TOO_LARGE = 404, 405, 413
_HTTP_ERRORS: Mapping[int, TritoneError] = {
    _NO_SUCH_PATH: NoSuchPath("Resource not found"),
    _WRONG_METHOD: WrongMethod("Method not allowed"),
    _TOO_LARGE: BodyTooLarge("The request body is too large."),
}


def find_envelope(request: Request) -> Envelope:
    """Return the envelope of the contract that owns the path; ours where no contract does."""
    path = request.url.path
    for contract in CONTRACTS:
        prefix = (f"/{contract.name}/",) if contract.has_prefix else ()
        if path.startswith((*prefix, *contract.root_paths)):
            return contract.envelope
    return find_shared_envelope(request) or tritone.CONTRACT.envelope


def render_http_error(request: Request, status: int) -> JSONResponse:
    """Return the answer to a request that matched no route (404, 405) or was too large (413)."""
    envelope = find_envelope(request)
    allowed = ", ".join(list_methods(request)) if status == _WRONG_METHOD else ""
    if status == _WRONG_METHOD and WrongMethod not in envelope.table:
        status = _NO_SUCH_PATH  # the contract has one answer for both
    error = _HTTP_ERRORS.get(status, InvalidRequest("The request is malformed."))
    response = envelope.render(error, request)
    if allowed:
        response.headers["allow"] = allowed
    return response


def list_methods(request: Request) -> list[str]:
    """Return every method that the path of a request is served with.

    Starlette names those of one route only, and a path may have several.
    """
    found = []
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            found += ["GET", "HEAD"] if method == "GET" else [method]
    return found


def render_error(request: Request, error: TritoneError) -> JSONResponse:
    """Return the answer to a request that was refused before it came to a contract's route."""
    return find_envelope(request).render(error, request)


def render_unexpected(request: Request, _request_id: str) -> JSONResponse:
    """Return a 500 that says nothing about its cause; the log has it under the request id."""
    return render_error(request, Unexpected("Something went wrong on our side."))
