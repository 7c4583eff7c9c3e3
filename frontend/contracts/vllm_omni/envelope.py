"""vLLM-Omni: its errors.

Source: https://docs.vllm.ai/projects/vllm-omni, "Audio Generate API". What its schema refuses is a
422, what the model cannot make is a 400, and so are failures of the engine: its document's own
example. Ours that pass (busy, away, too slow) are 503 and 504.
"""

from frontend.contracts.kit.body import MalformedRequest
from frontend.contracts.kit.envelope import Envelope, ErrorEntry, ErrorTable, make_error_object
from frontend.contracts.kit.error_bodies import ErrorObject
from frontend.contracts.kit.errors import (
    BodyTooLarge,
    NoSuchPath,
    Unexpected,
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
    Unauthenticated,
    UnknownModel,
)

TABLE: ErrorTable = {
    MalformedRequest: ErrorEntry(422),
    RequestTooLarge: ErrorEntry(422),
    InvalidRequest: ErrorEntry(400, "BadRequestError"),
    GenerationFailed: ErrorEntry(400, "BadRequestError"),
    Unauthenticated: ErrorEntry(401, "AuthenticationError"),
    Forbidden: ErrorEntry(403, "PermissionDeniedError"),
    UnknownModel: ErrorEntry(404, "NotFoundError"),
    NoSuchPath: ErrorEntry(404, "NotFoundError"),
    JobNotFound: ErrorEntry(404, "NotFoundError"),
    WrongMethod: ErrorEntry(405, "MethodNotAllowedError"),
    BodyTooLarge: ErrorEntry(413, "RequestEntityTooLargeError"),
    UnsupportedEncoding: ErrorEntry(415, "UnsupportedMediaTypeError"),
    Unexpected: ErrorEntry(500, "InternalServerError"),
    Overloaded: ErrorEntry(503, "ServiceUnavailableError"),
    BackendUnavailable: ErrorEntry(503, "ServiceUnavailableError"),
    DeadlineExceeded: ErrorEntry(504, "GatewayTimeoutError"),
}

ENVELOPE = Envelope(
    name="vllm-omni",
    table=TABLE,
    model=ErrorObject,
    make_body=make_error_object,
    lists_faults=True,
)
