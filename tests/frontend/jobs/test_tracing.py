import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frontend.jobs.startup import JobSystem
from frontend.observe import tracing
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.receiver import receiving
from tests.frontend.jobs.test_worker import working


async def test_a_job_and_its_webhook_continue_the_trace(
    system: JobSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    async with receiving() as receiver:
        with tracing.span("request") as request:
            await system.service.submit(make_request(webhook_url=receiver.url))
        async with working(system, SleepingMaker()):
            await receiver.until(lambda it: bool(it.accepted))
    spans = {span.name: span for span in exporter.get_finished_spans()}
    trace_ids = {span.context.trace_id for span in spans.values() if span.context is not None}
    assert trace_ids == {request.get_span_context().trace_id}
    submission = spans["submit job"].context
    for name in ("job", "webhook"):
        parent = spans[name].parent
        assert parent is not None
        assert submission is not None
        assert parent.span_id == submission.span_id
    assert spans["job"].kind is trace.SpanKind.CONSUMER
    assert dict(spans["webhook"].attributes or {}) == {"tritone.outcome": "delivered"}
    assert "rain" not in "".join(span.to_json() for span in exporter.get_finished_spans())
