"""Spans of OpenTelemetry: free while no collector is set, and never with a prompt in them.

`frontend/observe/telemetry.py` sends them; here they are only made. Names of attributes that are
not OpenTelemetry's own begin with `tritone.`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from frontend.observe import context
from tritone import __version__

Attribute = str | int | float | bool

_tracer = trace.get_tracer("tritone", __version__)


def configure(endpoint: str | None, service: str) -> None:
    """Send this process' spans to a collector, if there is one."""
    if endpoint is None:
        return
    # A tenth of a second and some megabytes, for those only who want it.
    from frontend.observe.telemetry import send_traces  # noqa: PLC0415

    send_traces(endpoint, service)


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, Attribute] | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str | None = None,
) -> Iterator[Span]:
    """Trace a piece of work; `parent` is a W3C `traceparent` where it began in another process.

    An error is told by its class only: its text may repeat what the caller wrote.
    """
    with _tracer.start_as_current_span(
        name,
        context=_continue_trace(parent),
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(StatusCode.ERROR)
            raise


def traceparent() -> str | None:
    """Return the current span for another process, or the caller's own where we make none.

    None where nobody traces, and for a trace that is not sampled: Triton would trace it all the
    same.
    """
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return context.traceparent.get()
    if not current.trace_flags.sampled:
        return None
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers.get("traceparent")


def _continue_trace(parent: str | None) -> Context | None:
    return None if parent is None else propagate.extract({"traceparent": parent})
