"""JSON log lines on standard output, with the request's id and never with a prompt."""

import json
import logging
import sys
import traceback
from types import TracebackType

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from frontend.observe import context

_MAX_DETAIL_CHARS = 300
# The text of their errors repeats the input, prompts included.
_QUOTES_INPUT = ("pydantic", "fastapi")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    request_id = context.request_id.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event.setdefault("trace_id", trace.format_trace_id(span.trace_id))
    return event


def _describe_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the error's type, text and place, without any value of a variable."""
    error = _error(event.pop("exc_info", None))
    if error is not None:
        event["error"] = type(error).__name__
        if not type(error).__module__.startswith(_QUOTES_INPUT):
            event["detail"] = str(error)[:_MAX_DETAIL_CHARS]
        frames = traceback.extract_tb(error.__traceback__)
        event["traceback"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _error(exc_info: bool | BaseException | _ExcInfo | None) -> BaseException | None:
    if exc_info is True:
        return sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        return exc_info[1]
    return exc_info or None


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return json.dumps(event, default=str, ensure_ascii=False)


def configure(level: str) -> None:
    """Send our lines and those of libraries (uvicorn) through one handler, from `level` up."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        _add_request_id,
        _describe_error,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
