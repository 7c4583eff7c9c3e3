"""The errors that only HTTP has. The others are in `frontend/errors.py`."""

from frontend.errors import (
    GenerationFailed,
    InvalidRequest,
    RequestTooLarge,
    TritoneError,
)


class BodyTooLarge(RequestTooLarge):
    """The body is over its limit; `RequestTooLarge` itself is about the prompt."""


class NoSuchPath(TritoneError):
    """Nothing is served at this path."""


class WrongMethod(NoSuchPath):
    """The path is served, but not with this method."""


class UnsupportedEncoding(InvalidRequest):
    """The body is compressed, and no compression is supported."""


class RangeNotSatisfiable(InvalidRequest):
    """The part that was asked for lies outside the file."""


class Unexpected(GenerationFailed):
    """An error of ours that nobody foresaw."""
