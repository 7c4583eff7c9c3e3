"""AI/ML API: its errors. Source: https://docs.aimlapi.com/errors-and-messages."""

from datetime import UTC, datetime

from pydantic import BaseModel

from frontend.contracts.kit.envelope import Envelope, ErrorEntry, ErrorTable, FailedRequest
from frontend.contracts.kit.errors import BodyTooLarge, NoSuchPath, UnsupportedEncoding, WrongMethod
from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    GenerationFailed,
    InvalidRequest,
    JobNotFound,
    Overloaded,
    TritoneError,
    Unauthenticated,
)

TABLE: ErrorTable = {  # its bodies name no type
    InvalidRequest: ErrorEntry(400),
    Unauthenticated: ErrorEntry(401),
    Forbidden: ErrorEntry(403),
    NoSuchPath: ErrorEntry(404),
    JobNotFound: ErrorEntry(404),
    WrongMethod: ErrorEntry(405),
    BodyTooLarge: ErrorEntry(413),
    UnsupportedEncoding: ErrorEntry(415),
    Overloaded: ErrorEntry(429),
    GenerationFailed: ErrorEntry(500),
    BackendUnavailable: ErrorEntry(503),
    DeadlineExceeded: ErrorEntry(504),
}


class AimlapiError(BaseModel):
    """Any error of this contract."""

    message: str
    path: str
    requestId: str
    statusCode: int
    timestamp: str  # ISO 8601 with milliseconds and Z


def make_body(error: TritoneError, entry: ErrorEntry, failed: FailedRequest) -> BaseModel:
    """Return the body of an error, with the moment it happened."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return AimlapiError(
        message=error.message,
        path=failed.path,
        requestId=failed.request_id,
        statusCode=entry.status,
        timestamp=now.replace("+00:00", "Z"),
    )


ENVELOPE = Envelope(name="aimlapi", table=TABLE, model=AimlapiError, make_body=make_body)
