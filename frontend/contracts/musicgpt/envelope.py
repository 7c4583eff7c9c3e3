"""MusicGPT: its errors. Source: https://docs.musicgpt.com."""

from pydantic import BaseModel

from frontend.contracts.kit.body import UnreadableBody
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
    UnreadableBody: ErrorEntry(400),
    InvalidRequest: ErrorEntry(422),
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


class MusicGptError(BaseModel):
    """Any error; the vendor's pages show two shapes, and this is both."""

    success: bool = False
    message: str
    detail: str


def make_body(error: TritoneError, _entry: ErrorEntry, _failed: FailedRequest) -> BaseModel:
    """Return the body of an error, with its message under both names."""
    return MusicGptError(message=error.message, detail=error.message)


ENVELOPE = Envelope(name="musicgpt", table=TABLE, model=MusicGptError, make_body=make_body)
