"""Our own errors. They also answer for paths that no contract has."""

from frontend.contracts.kit.envelope import Envelope, ErrorEntry, ErrorTable, make_error_object
from frontend.contracts.kit.error_bodies import ErrorObject
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
    Overloaded,
    Unauthenticated,
    UnknownModel,
)

TABLE: ErrorTable = {
    InvalidRequest: ErrorEntry(400, "invalid_request_error"),
    Unauthenticated: ErrorEntry(401, "authentication_error"),
    Forbidden: ErrorEntry(403, "permission_error"),
    UnknownModel: ErrorEntry(404, "not_found_error"),
    NoSuchPath: ErrorEntry(404, "not_found_error"),
    JobNotFound: ErrorEntry(404, "not_found_error"),
    WrongMethod: ErrorEntry(405, "invalid_request_error"),
    BodyTooLarge: ErrorEntry(413, "invalid_request_error"),
    UnsupportedEncoding: ErrorEntry(415, "invalid_request_error"),
    RangeNotSatisfiable: ErrorEntry(416, "invalid_request_error"),
    Overloaded: ErrorEntry(429, "rate_limit_error"),
    GenerationFailed: ErrorEntry(500, "server_error"),
    BackendUnavailable: ErrorEntry(503, "service_unavailable"),
    DeadlineExceeded: ErrorEntry(504, "timeout"),
}

ENVELOPE = Envelope(name="tritone", table=TABLE, model=ErrorObject, make_body=make_error_object)
