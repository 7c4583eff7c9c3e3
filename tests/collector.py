"""A collector of spans: OTLP/HTTP in protobuf, as our SDK sends it, and in JSON, as Triton does.

Source of both: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import json
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One finished span."""

    name: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str  # empty: none
    attributes: dict[str, str]


@dataclass
class Collector:
    """What arrived."""

    url: str
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def children(self, parent: Span) -> list[Span]:
        """Return the spans right below one."""
        return [span for span in self.spans if span.parent_id == parent.span_id]

    def one(self, name: str) -> Span:
        """Return the only span of a name that ended well."""
        (found,) = [s for s in self.spans if s.name == name and "error.type" not in s.attributes]
        return found

    def child(self, parent: Span, name: str) -> Span:
        """Return the only child of a name."""
        (found,) = [span for span in self.children(parent) if span.name == name]
        return found

    def of(self, trace_id: str) -> "Collector":
        """Return what arrived of one trace."""
        spans = [span for span in self.spans if span.trace_id == trace_id]
        return Collector(self.url, spans)

    def until_seen(self, trace_id: str, names: Collection[str], timeout_s: float = 60.0) -> None:
        """Wait for spans of a trace that ended well: every process sends its own, in no order."""

        def are_seen(all_: Collector) -> bool:
            ended_well = [s for s in all_.spans if "error.type" not in s.attributes]
            return {s.name for s in ended_well if s.trace_id == trace_id} >= {*names}

        self.until(are_seen, timeout_s)

    def until(self, is_enough: Callable[["Collector"], bool], timeout_s: float = 60.0) -> None:
        """Wait until what arrived is enough."""
        deadline = time.monotonic() + timeout_s
        while not is_enough(self):
            assert time.monotonic() < deadline, [span.name for span in self.spans]
            time.sleep(0.1)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_json = "json" in self.headers["content-type"]
            collector.bodies.append(body)
            collector.spans += _from_json(body) if is_json else _from_protobuf(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _from_protobuf(body: bytes) -> list[Span]:
    return [
        Span(
            name=span.name,
            service=next(
                each.value.string_value
                for each in part.resource.attributes
                if each.key == "service.name"
            ),
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            attributes={each.key: _text(each.value) for each in span.attributes},
        )
        for part in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]


def _text(value: Any) -> str:  # noqa: ANN401 -- protobuf's AnyValue
    return str(getattr(value, value.WhichOneof("value")))


def _from_json(body: bytes) -> list[Span]:
    return [
        Span(
            name=span["name"],
            service=_plain(part["resource"]["attributes"])["service.name"],
            trace_id=span["traceId"],
            span_id=span["spanId"],
            parent_id=span.get("parentSpanId", ""),
            attributes=_plain(span.get("attributes", [])),
        )
        for part in json.loads(body)["resourceSpans"]
        for scope in part["scopeSpans"]
        for span in scope["spans"]
    ]


def _plain(attributes: list[dict[str, Any]]) -> dict[str, str]:
    return {each["key"]: str(next(iter(each["value"].values()))) for each in attributes}
