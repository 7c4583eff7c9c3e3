"""LocalAI: its errors.

Source: core/schema/openai.go of the repository mudler/LocalAI, and its page "Sound Generation".
LocalAI answers a wrong method as a path that is not there, so the table has no row for it.
"""

from frontend.contracts.kit.envelope import Envelope, ErrorEntry, ErrorTable, make_error_object
from frontend.contracts.kit.error_bodies import ErrorObject
from frontend.contracts.kit.errors import BodyTooLarge, NoSuchPath, UnsupportedEncoding
from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    GenerationFailed,
    InvalidRequest,
    JobNotFound,
    Overloaded,
    Unauthenticated,
)

TABLE: ErrorTable = {
    InvalidRequest: ErrorEntry(400, "invalid_request_error"),
    Unauthenticated: ErrorEntry(401, "authentication_error"),
    Forbidden: ErrorEntry(403, "permission_error"),
    NoSuchPath: ErrorEntry(404, "not_found_error"),
    JobNotFound: ErrorEntry(404, "not_found_error"),
    BodyTooLarge: ErrorEntry(413, "invalid_request_error"),
    UnsupportedEncoding: ErrorEntry(415, "invalid_request_error"),
    GenerationFailed: ErrorEntry(500, "server_error"),
    Overloaded: ErrorEntry(503, "overloaded"),
    BackendUnavailable: ErrorEntry(503, "model_loading"),
    DeadlineExceeded: ErrorEntry(504, "timeout"),
}

ENVELOPE = Envelope(name="localai", table=TABLE, model=ErrorObject, make_body=make_error_object)
