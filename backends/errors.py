"""Why a request was refused, in the terms of Triton's status codes. Knows no Triton."""

from enum import StrEnum


class Code(StrEnum):
    """Triton's error codes, spelled as `pb_utils.TritonError` spells them."""

    UNKNOWN = "UNKNOWN"
    INTERNAL = "INTERNAL"
    NOT_FOUND = "NOT_FOUND"
    INVALID_ARG = "INVALID_ARG"
    UNAVAILABLE = "UNAVAILABLE"
    UNSUPPORTED = "UNSUPPORTED"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    CANCELLED = "CANCELLED"


class RequestFailed(Exception):
    """One request gets this answer; its neighbours go on."""

    def __init__(self, message: str, code: Code) -> None:
        """Keep the text that the client sees and the code that it maps."""
        super().__init__(message)
        self.code = code


class InvalidParameter(ValueError):
    """A parameter of a model's configuration has no meaning; the model must not load."""
