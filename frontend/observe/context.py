"""What belongs to the request being answered, for log lines and traces only."""

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The caller's W3C trace context. Source: https://www.w3.org/TR/trace-context-1/, section 3.2."""
