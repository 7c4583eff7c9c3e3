"""Sends spans to a collector by OTLP/HTTP. Imported only where one is set: it is a large library.

The SDK reads its other variables itself: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`,
`OTEL_RESOURCE_ATTRIBUTES` and so on.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tritone import __version__

TRACES_PATH = "/v1/traces"
_FILES = "/files/"  # of frontend/storage/files.py, which is above this module


def send_traces(endpoint: str, service: str) -> None:
    """Send this process' spans from now on, and the last of them when it ends."""
    resource = Resource.create({"service.name": service, "service.version": __version__})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(_Discretion())
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + TRACES_PATH)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


class _Discretion(SpanProcessor):
    """Takes out what FastAPI notes of a URL that is nobody else's business."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        found = span.attributes or {}
        if "url.query" in found:
            span.set_attribute("url.query", "REDACTED")
        path = found.get("url.path")
        if isinstance(path, str) and path.startswith(_FILES):
            span.set_attribute("url.path", f"{_FILES}REDACTED")  # the rest opens the file
