"""One request, one trace: from HTTP through our spans to every step of Triton's ensemble."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.conftest import copy_of
from tests.acceptance.stack import Stack, running
from tests.collector import Collector, Span, collecting
from tests.frontend.database.server import new_database, running_server

pytestmark = pytest.mark.triton

PROMPT = "a secret whistle nobody may read"
STEPS = {"tokenizer", "text_encoder", "denoiser", "vae_decoder"}
PARENT_ID = "b7ad6b7169203331"
TIMEOUT_S = 60.0
PATIENCE_S = (20.0, 20.0, 60.0)  # of each try


Traced = tuple[Stack, Collector]


@pytest.fixture(scope="module")
def traced(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    folder = tmp_path_factory.mktemp("traced")
    models = copy_of(repository, folder / "models")
    with collecting() as collector, running_server() as database:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",  # ms
            "TRITONE_JOBS__DATABASE_URL": new_database(database),
        }
        with running(models, folder, **variables) as stack:
            yield stack, collector


def post(stack: Stack, path: str, body: dict[str, object], **headers: str) -> bytes:
    request = urllib.request.Request(
        f"http://{stack.address}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        return bytes(response.read())


def traced_post(stack: Stack, path: str, body: dict[str, object]) -> str:
    """Post as a caller who traces; return the trace's id."""
    trace_id = uuid.uuid4().hex
    post(stack, path, body, traceparent=f"00-{trace_id}-{PARENT_ID}-01")
    return trace_id


def trace(traced: Traced, path: str, body: dict[str, object], names: set[str]) -> Collector:
    """Post as a caller who traces; return the trace, once it has spans of all these names.

    Triton tries once to send its spans, and drops them where that fails: then we ask again.
    """
    stack, collector = traced
    for timeout_s in PATIENCE_S:
        trace_id = traced_post(stack, path, body)
        with suppress(AssertionError):
            collector.until_seen(trace_id, names, timeout_s)
            return collector.of(trace_id)
    raise AssertionError([span.name for span in collector.spans])


def steps_of(model: str) -> set[str]:
    return {f"{model}_{step}" for step in STEPS}


def spans_of_a_sound(model: str) -> set[str]:
    ours = {"generation", "admission", "triton", "encoding"}
    return {*ours, "InferRequest", model, *steps_of(model)}


def assert_made_by_triton(collector: Collector, generation: Span, model: str) -> None:
    """Assert that every step of the ensemble hangs under a generation."""
    assert generation.attributes["tritone.model"] == model
    collector.child(generation, "admission")
    inference = collector.child(collector.child(generation, "triton"), "InferRequest")
    ensemble = collector.child(inference, model)
    below = {span.name: span for span in collector.children(ensemble)}
    assert below.keys() == steps_of(model)
    assert {span.service for span in below.values()} == {"triton"}
    assert {span.trace_id for span in below.values()} == {generation.trace_id}


def test_a_request_is_one_trace(traced: Traced, model: str) -> None:
    body = {"input": PROMPT, "audio_length": 1, "num_inference_steps": 5}
    names = {*spans_of_a_sound(model), "POST /v1/audio/generate"}
    collector = trace(traced, "/v1/audio/generate", body, names)
    request = collector.one("POST /v1/audio/generate")
    assert request.parent_id == PARENT_ID
    assert request.service == "tritone-frontend"
    assert_made_by_triton(collector, collector.child(request, "generation"), model)
    assert collector.child(request, "encoding").attributes["tritone.format"] == "wav"
    assert not [body for body in traced[1].bodies if b"whistle" in body]


def test_a_job_continues_the_trace_of_its_submission(traced: Traced, model: str) -> None:
    body = {"model": "stable-audio", "prompt": PROMPT, "seconds_total": 1, "steps": 5}
    names = {"POST /v2/generate/audio", "submit job", "job"}
    collector = trace(traced, "/v2/generate/audio", body, names | spans_of_a_sound(model))
    job = collector.one("job")
    request = collector.one("POST /v2/generate/audio")
    submission = collector.child(request, "submit job")
    assert (job.parent_id, job.service) == (submission.span_id, "tritone-worker")
    assert_made_by_triton(collector, collector.child(job, "generation"), model)
    collector.child(job, "encoding")


def test_probes_are_not_traced(traced: Traced) -> None:
    stack, collector = traced
    for path in ("/livez", "/readyz", "/metrics"):
        urllib.request.urlopen(f"http://{stack.address}{path}", timeout=TIMEOUT_S).close()
    post(stack, "/v1/audio/generate", {"input": "rain", "audio_length": 1})
    names = {span.name for span in collector.spans if span.service == "tritone-frontend"}
    assert not [name for name in names if name.startswith("GET")]
