"""Spans as they are made; tests/acceptance/test_tracing.py has them sent."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from frontend.errors import GenerationFailed
from frontend.observe import context, tracing
from frontend.observe.telemetry import _Discretion
from tests.conftest import ClientFactory
from tests.fakes import FakeGateway

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "a secret whistle"


def provider_of(**options: object) -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False, **options)  # type: ignore[arg-type]
    provider.add_span_processor(_Discretion())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """The process' provider can be set once only: tests replace what is asked for it."""
    provider, exporter = provider_of()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_request_is_a_tree_without_its_prompt(
    gateway: FakeGateway, client_of: ClientFactory, exporter: InMemorySpanExporter
) -> None:
    async with client_of(gateway) as client:
        answer = await client.post(
            "/v1/audio/generate?api_key=whisper",
            json={"input": SECRET, "audio_length": 1},
            headers={"traceparent": PARENT},
        )
        await client.get("/files/a-token-that-opens")
        await client.get("/livez")
    assert answer.status_code == 200
    spans = named(exporter)
    assert "GET /livez" not in spans
    request, generation = spans["POST /v1/audio/generate"], spans["generation"]
    assert request.parent is not None
    assert trace.format_span_id(request.parent.span_id) == "b7ad6b7169203331"
    for child, parent in (
        (generation, request),
        (spans["admission"], generation),
        (spans["triton"], generation),
        (spans["encoding"], request),
    ):
        assert child.parent is not None
        assert parent.context is not None
        assert child.parent.span_id == parent.context.span_id
    assert dict(generation.attributes or {})["tritone.model"] == "starter"
    assert dict(generation.attributes or {})["tritone.version"] == "1"
    text = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert not [word for word in ("whistle", "whisper", "a-token-that-opens") if word in text]


async def test_errors_are_told_by_class_only(
    gateway: FakeGateway, client_of: ClientFactory, exporter: InMemorySpanExporter
) -> None:
    gateway.error = GenerationFailed(SECRET)
    async with client_of(gateway) as client:
        await client.post("/v1/audio/generate", json={"input": "rain", "audio_length": 1})
    generation = named(exporter)["generation"]
    assert dict(generation.attributes or {})["error.type"] == "GenerationFailed"
    assert not generation.status.is_ok
    assert "whistle" not in generation.to_json()


async def test_a_cancelled_span_ends(exporter: InMemorySpanExporter) -> None:
    async def work() -> None:
        with tracing.span("work"):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert dict(named(exporter)["work"].attributes or {})["error.type"] == "CancelledError"


def test_another_process_continues_the_trace(exporter: InMemorySpanExporter) -> None:
    with tracing.span("submit"):
        sent = tracing.traceparent()
    with tracing.span("work", parent=sent):
        pass
    spans = named(exporter)
    assert spans["work"].parent is not None
    assert spans["submit"].context is not None
    assert spans["work"].parent.span_id == spans["submit"].context.span_id


def test_without_a_collector_the_callers_context_is_passed_on() -> None:
    token = context.traceparent.set(PARENT)
    try:
        with tracing.span("nobody sees it"):
            assert tracing.traceparent() == PARENT
    finally:
        context.traceparent.reset(token)
    assert tracing.traceparent() is None


def test_what_is_not_sampled_is_not_asked_of_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, exporter = provider_of(sampler=ALWAYS_OFF)
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    with tracing.span("work"):
        assert tracing.traceparent() is None
    assert exporter.get_finished_spans() == ()


def test_a_malformed_parent_is_ignored(exporter: InMemorySpanExporter) -> None:
    with tracing.span("work", parent="nonsense"):
        pass
    assert named(exporter)["work"].parent is None
