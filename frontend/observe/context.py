"""What belongs to the request being answered, for log lines, counts and Triton's traces."""

from contextvars import ContextVar
from dataclasses import dataclass

from tritone.turns import INTERACTIVE

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The caller's W3C trace context. Source: https://www.w3.org/TR/trace-context-1/, section 3.2."""
share: ContextVar[str] = ContextVar("share", default="")
"""On whose share of the machine the request is: the API key's id; empty: everybody's."""
priority: ContextVar[int] = ContextVar("priority", default=INTERACTIVE)
"""As in `tritone.turns`."""


@dataclass(slots=True)
class Served:
    """Which model and version a request got; tasks of the request share one and write it."""

    model: str = ""
    version: str = ""


served: ContextVar[Served | None] = ContextVar("served", default=None)


def note_served(model: str, version: str) -> None:
    """Write down which model and version answered the current request, if there is one."""
    answer = served.get()
    if answer is not None:
        answer.model, answer.version = model, version
