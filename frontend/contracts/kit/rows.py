"""Every error of every contract: its status, and its name there. All of it on one screen.

Sources: ElevenLabs, https://elevenlabs.io/docs/developers/resources/errors; LocalAI,
core/schema/openai.go and its page "Sound Generation"; vLLM-Omni, its page "Audio Generate API";
AI/ML API, https://docs.aimlapi.com/errors-and-messages; MusicGPT, https://docs.musicgpt.com.
Statuses that no vendor states follow the closest one that does.
"""

from collections.abc import Mapping
from typing import NamedTuple

from frontend.contracts.kit.body import MalformedRequest, UnreadableBody
from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    Forbidden,
    GenerationFailed,
    InvalidRequest,
    JobNotFound,
    MissingKey,
    Overloaded,
    RateLimited,
    RequestTooLarge,
    TooManyAtOnce,
    TritoneError,
    Unauthenticated,
    UnknownModel,
)


class BodyTooLarge(RequestTooLarge):
    """The body, not the prompt, is over its limit."""


class NoSuchPath(TritoneError):
    """Nothing is served at this path."""


class WrongMethod(NoSuchPath):
    """The path is served, but not with this method."""


class HistoryItemNotFound(JobNotFound):
    """No such item in the history."""


class RangeNotSatisfiable(InvalidRequest):
    """The part that was asked for lies outside the file."""


class Unexpected(GenerationFailed):
    """An error of ours that nobody foresaw."""


class Row(NamedTuple):
    """How one error looks in one contract."""

    status: int
    type: str = ""
    code: str = ""


Rows = Mapping[type[TritoneError], Row]

ELEVENLABS_ROWS: Rows = {
    InvalidRequest: Row(422, "validation_error", "invalid_parameters"),
    RequestTooLarge: Row(400, "validation_error", "text_too_long"),
    UnknownModel: Row(400, "validation_error", "unsupported_model"),
    Unauthenticated: Row(401, "authentication_error", "invalid_api_key"),
    MissingKey: Row(401, "authentication_error", "missing_api_key"),
    Forbidden: Row(403, "authorization_error", "forbidden"),
    NoSuchPath: Row(404, "not_found", "not_found"),
    JobNotFound: Row(404, "not_found", "task_not_found"),
    HistoryItemNotFound: Row(404, "not_found", "history_item_not_found"),
    WrongMethod: Row(405, "invalid_request", "method_not_allowed"),
    BodyTooLarge: Row(413, "invalid_request", "request_too_large"),
    Overloaded: Row(429, "rate_limit_error", "system_busy"),
    RateLimited: Row(429, "rate_limit_error", "rate_limit_exceeded"),
    TooManyAtOnce: Row(429, "rate_limit_error", "concurrent_limit_exceeded"),
    GenerationFailed: Row(500, "internal_error", "internal_error"),
    BackendUnavailable: Row(503, "service_unavailable", "service_unavailable"),
    DeadlineExceeded: Row(504, "internal_error", "timeout"),
}

LOCALAI_ROWS: Rows = {
    InvalidRequest: Row(400, "invalid_request_error"),
    Unauthenticated: Row(401, "authentication_error"),
    Forbidden: Row(403, "permission_error"),
    NoSuchPath: Row(404, "not_found_error"),  # of the path or of the method
    JobNotFound: Row(404, "not_found_error"),
    BodyTooLarge: Row(413, "invalid_request_error"),
    GenerationFailed: Row(500, "server_error"),
    Overloaded: Row(503, "overloaded"),
    BackendUnavailable: Row(503, "model_loading"),
    DeadlineExceeded: Row(504, "timeout"),
}

VLLM_OMNI_ROWS: Rows = {
    MalformedRequest: Row(422, ""),  # the schema's limits
    RequestTooLarge: Row(422, ""),
    InvalidRequest: Row(400, "BadRequestError"),  # the model's limits
    GenerationFailed: Row(400, "BadRequestError"),  # its document's own example
    Unauthenticated: Row(401, "AuthenticationError"),
    Forbidden: Row(403, "PermissionDeniedError"),
    UnknownModel: Row(404, "NotFoundError"),
    NoSuchPath: Row(404, "NotFoundError"),
    JobNotFound: Row(404, "NotFoundError"),
    WrongMethod: Row(405, "MethodNotAllowedError"),
    BodyTooLarge: Row(413, "RequestEntityTooLargeError"),
    Unexpected: Row(500, "InternalServerError"),
    Overloaded: Row(503, "ServiceUnavailableError"),
    BackendUnavailable: Row(503, "ServiceUnavailableError"),
    DeadlineExceeded: Row(504, "GatewayTimeoutError"),
}

AIMLAPI_ROWS: Rows = {  # its bodies name no type
    InvalidRequest: Row(400),
    Unauthenticated: Row(401),
    Forbidden: Row(403),
    NoSuchPath: Row(404),
    JobNotFound: Row(404),
    WrongMethod: Row(405),
    BodyTooLarge: Row(413),
    Overloaded: Row(429),
    GenerationFailed: Row(500),
    BackendUnavailable: Row(503),
    DeadlineExceeded: Row(504),
}

MUSICGPT_ROWS: Rows = {  # nor do these
    UnreadableBody: Row(400),
    InvalidRequest: Row(422),
    Unauthenticated: Row(401),
    Forbidden: Row(403),
    NoSuchPath: Row(404),
    JobNotFound: Row(404),
    WrongMethod: Row(405),
    BodyTooLarge: Row(413),
    Overloaded: Row(429),
    GenerationFailed: Row(500),
    BackendUnavailable: Row(503),
    DeadlineExceeded: Row(504),
}

TRITONE_ROWS: Rows = {  # our own routes, and what belongs to nobody
    InvalidRequest: Row(400, "invalid_request_error"),
    Unauthenticated: Row(401, "authentication_error"),
    Forbidden: Row(403, "permission_error"),
    UnknownModel: Row(404, "not_found_error"),
    NoSuchPath: Row(404, "not_found_error"),
    JobNotFound: Row(404, "not_found_error"),
    WrongMethod: Row(405, "invalid_request_error"),
    BodyTooLarge: Row(413, "invalid_request_error"),
    RangeNotSatisfiable: Row(416, "invalid_request_error"),
    Overloaded: Row(429, "rate_limit_error"),
    GenerationFailed: Row(500, "server_error"),
    BackendUnavailable: Row(503, "service_unavailable"),
    DeadlineExceeded: Row(504, "timeout"),
}
