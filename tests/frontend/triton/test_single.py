import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
from structlog.testing import capture_logs
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
    Overloaded,
    TritoneError,
)
from frontend.observe import context
from frontend.settings import TritonSettings
from frontend.triton.errors import domain_errors
from frontend.triton.gateway import Catalog, PassOptions, Progress, collect
from frontend.triton.passes import SoundPass
from frontend.triton.single import SingleTriton
from tests.fake_triton import (
    Answers,
    FakeTriton,
    error_answer,
    pcm_answer,
    progress_answer,
)
from tests.fakes import sine
from tritone.card import COMPONENTS, ModelCard, component_name
from tritone.pcm import Pcm
from tritone.turns import BACKGROUND
from tritone.versions import VERSIONS_PARAMETER, Lineup


@pytest.fixture
async def server() -> AsyncIterator[tuple[FakeTriton, str]]:
    triton, grpc_server = FakeTriton(), grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, grpc_server)
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    await grpc_server.start()
    yield triton, f"127.0.0.1:{port}"
    await grpc_server.stop(grace=None)


@pytest.fixture
def triton(server: tuple[FakeTriton, str]) -> FakeTriton:
    return server[0]


@pytest.fixture
async def gateway(server: tuple[FakeTriton, str]) -> AsyncIterator[SingleTriton]:
    settings = TritonSettings(url=server[1], refresh_s=0.05, watchdog_s=0.1, rpc_timeout_s=2.0)
    gateway = SingleTriton(settings)
    yield gateway
    await gateway.close()


@pytest.fixture
def pass_(pass_: SoundPass) -> SoundPass:
    """What strains the transport: other scripts, and a seed at the border."""
    return replace(pass_, prompt="Regen, наконец 雨", negative_prompt="wind", seed=-(2**63))


CALL = PassOptions(pass_id="job", request_id="req", timeout_s=5.0)


async def eventually(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110  (what changes knows nothing of events)
            await asyncio.sleep(0.01)


def answering(*answers: service_pb2.ModelStreamInferResponse) -> Callable[[object], Answers]:
    async def respond(_request: object) -> Answers:
        for answer in answers:
            yield answer

    return respond


def aborting(
    code: grpc.StatusCode, text: str
) -> Callable[[grpc.aio.ServicerContext], Awaitable[None]]:
    async def abort(context: grpc.aio.ServicerContext) -> None:
        await context.abort(code, text)

    return abort


def decoded(pass_: SoundPass, extra_samples: int = 100) -> Pcm:
    n_samples = pass_.span.first_sample + pass_.span.n_samples + extra_samples
    return sine(pass_.card, n_samples)[np.newaxis]


async def test_a_pass_says_on_whose_share_it_is_and_who_waits_for_it(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.respond = answering(pcm_answer(decoded(pass_)))
    await collect(gateway.stream(pass_, replace(CALL, share="key-1", priority=BACKGROUND)))
    (sent,) = triton.inferred
    assert sent.parameters["share"].string_param == "key-1"
    assert sent.parameters["priority_class"].int64_param == BACKGROUND


async def test_the_tensors_are_those_of_the_card(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.respond = answering(pcm_answer(decoded(pass_)))
    await collect(gateway.stream(pass_, CALL))
    (sent,) = triton.inferred
    assert (sent.model_name, sent.id) == ("starter", "req")
    assert sent.parameters["job_id"].string_param == "job"
    assert sent.parameters["timeout"].int64_param == 5_000_000  # microseconds
    assert sent.parameters["priority_class"].int64_param == 0
    assert "share" not in sent.parameters
    assert {tensor.name: tensor.datatype for tensor in sent.inputs} == {
        "prompt": "BYTES",
        "negative_prompt": "BYTES",
        "seconds_start": "FP32",
        "seconds_end": "FP32",
        "seed": "INT64",
        "steps": "INT32",
        "guidance_scale": "FP32",
    }
    assert all(list(tensor.shape) == [1, 1] for tensor in sent.inputs)
    content = dict(zip((t.name for t in sent.inputs), sent.raw_input_contents, strict=True))
    assert content["prompt"][4:].decode() == pass_.prompt
    assert np.frombuffer(content["seed"], np.int64) == pass_.seed
    assert np.frombuffer(content["seconds_end"], np.float32) == np.float32(0.5)
    assert np.frombuffer(content["guidance_scale"], np.float32) == np.float32(2.5)


async def test_the_pcm_is_cut_to_the_span(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    request = replace(pass_, seconds_start=2.0, seconds_end=2.5)
    assert request.span.first_sample > 0
    whole = decoded(request)
    triton.respond = answering(pcm_answer(whole, version="3"))
    result = await collect(gateway.stream(request, CALL))
    start = request.span.first_sample
    assert np.array_equal(result.pcm, whole[0, :, start : start + 8000])
    assert result.model_version == "3"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pcm: pcm[:, :, :-101], id="short"),
        pytest.param(lambda pcm: np.concatenate([pcm, pcm], axis=1), id="channels"),
        pytest.param(lambda pcm: np.concatenate([pcm, pcm], axis=0), id="batch"),
        pytest.param(lambda pcm: pcm[0], id="rank"),
    ],
)
async def test_pcm_of_another_shape_is_a_failure(
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    change: Callable[[Pcm], Pcm],
) -> None:
    triton.respond = answering(pcm_answer(change(decoded(pass_))))
    with capture_logs() as logs, pytest.raises(GenerationFailed, match="could not be generated"):
        await collect(gateway.stream(pass_, CALL))
    assert [line["event"] for line in logs] == ["bad_pcm"]


async def test_an_end_without_pcm_is_a_failure(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.respond = answering(progress_answer(1, 1))
    with pytest.raises(GenerationFailed):
        await collect(gateway.stream(pass_, CALL))


async def test_the_callers_trace_is_continued(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.respond = answering(pcm_answer(decoded(pass_)))
    token = context.traceparent.set("00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    await collect(gateway.stream(pass_, CALL))
    context.traceparent.reset(token)
    await collect(gateway.stream(pass_, CALL))
    assert triton.metadata[0]["traceparent"].startswith("00-aaaa")
    assert "traceparent" not in triton.metadata[1]


PREFIX = "in ensemble 'starter', [request id: r] "
TEXTS = [
    ("denoiser queue is full", Overloaded),
    ("Exceeds maximum queue size", Overloaded),
    ("Request timeout expired", DeadlineExceeded),
    ("deadline exceeded at step 3/20", DeadlineExceeded),
    ("Server is stopping, scheduler for model has stopped accepting requests", BackendUnavailable),
    ("denoiser is stopping", BackendUnavailable),
    ("Server not ready", BackendUnavailable),
    ("Request for unknown model: 'starter' has no available versions", BackendUnavailable),
    ("Request for unknown model: 'starter' is not found", BackendUnavailable),
    ("Stub process 'starter_denoiser_0_0' is not healthy.", BackendUnavailable),
    ("cancelled at step 3/20", GenerationFailed),
    ("the latents are not finite", GenerationFailed),
    ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : secret path", GenerationFailed),
]


@pytest.mark.parametrize("prefix", ["", PREFIX], ids=["plain", "ensemble"])
@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text[:24] for text, _ in TEXTS])
async def test_an_error_in_the_stream_is_known_by_its_text(
    *,
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    prefix: str,
    text: str,
    expected: type[TritoneError],
) -> None:
    triton.respond = answering(error_answer(prefix + text))
    with capture_logs() as logs, pytest.raises(TritoneError) as caught:
        await collect(gateway.stream(pass_, CALL))
    assert type(caught.value) is expected
    assert text not in caught.value.message
    assert logs[0]["detail"] == prefix + text


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", BackendUnavailable),
        (grpc.StatusCode.UNAVAILABLE, "whatever", BackendUnavailable),
        (grpc.StatusCode.UNAVAILABLE, PREFIX + "Exceeds maximum queue size", Overloaded),
        (grpc.StatusCode.UNAVAILABLE, "Request timeout expired", DeadlineExceeded),
        (grpc.StatusCode.NOT_FOUND, "no such thing", BackendUnavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", DeadlineExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "message too large", GenerationFailed),
        (grpc.StatusCode.INVALID_ARGUMENT, "unexpected shape", GenerationFailed),
        (grpc.StatusCode.INTERNAL, "Traceback ...", GenerationFailed),
        (grpc.StatusCode.UNKNOWN, "", GenerationFailed),
        (grpc.StatusCode.CANCELLED, "CANCELLED", GenerationFailed),
    ],
)
async def test_an_error_of_the_connection_is_known_by_text_or_status(
    *,
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    code: grpc.StatusCode,
    text: str,
    expected: type[TritoneError],
) -> None:
    triton.abort = aborting(code, text)
    with pytest.raises(TritoneError) as caught:
        await collect(gateway.stream(pass_, CALL))
    assert type(caught.value) is expected


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_status_has_a_meaning(code: grpc.StatusCode) -> None:
    with pytest.raises(TritoneError), domain_errors():
        raise InferenceServerException("text", status=str(code))


def test_what_is_not_tritons_passes() -> None:
    with pytest.raises(LookupError), domain_errors():
        raise LookupError


async def test_cancelling_tells_the_denoiser(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    task = asyncio.create_task(collect(gateway.stream(pass_, CALL)))
    await eventually(lambda: bool(triton.inferred))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await gateway.close()  # lets the cancel go out
    assert triton.cancelled == ["job"]


async def test_a_cancelled_pass_ends_when_triton_has_answered(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    answering_ = asyncio.Event()

    async def late(_request: object) -> Answers:
        await answering_.wait()
        yield error_answer("cancelled at step 3/20")

    triton.respond = late
    triton.progress = progress_answer(3, 20)
    task = asyncio.create_task(collect(gateway.stream(pass_, CALL)))
    await eventually(lambda: bool(triton.inferred))
    task.cancel()
    await eventually(lambda: bool(triton.cancelled))
    await eventually(lambda: len(triton.controls) > 2)  # the watchdog goes on
    assert not task.done()
    answering_.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_missed_deadline_tells_the_denoiser(
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("frontend.triton.stream._STREAM_MARGIN_S", 0.0)
    triton.progress = progress_answer(1, 20)
    with pytest.raises(DeadlineExceeded):
        await collect(gateway.stream(pass_, replace(CALL, timeout_s=0.3)))
    await gateway.close()
    assert triton.cancelled == ["job"]


async def test_a_slow_pass_is_waited_for_while_its_backend_lives(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    async def late(_request: object) -> Answers:
        await asyncio.sleep(0.4)  # several looks of the watchdog
        yield pcm_answer(decoded(pass_))

    triton.respond = late
    triton.progress = error_answer("busy with something else")
    assert (await collect(gateway.stream(pass_, CALL))).pcm.shape == (1, 8000)


async def test_a_question_that_fails_disturbs_nobody(
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def late(_request: object) -> Answers:
        await asyncio.sleep(0.3)
        yield pcm_answer(decoded(pass_))

    triton.respond = late
    monkeypatch.setattr(triton, "progress", None)  # the servicer fails
    assert (await collect(gateway.stream(pass_, CALL))).pcm.shape == (1, 8000)


async def test_a_cancel_that_fails_is_forgotten(
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    triton.respond = answering(error_answer("boom"))
    monkeypatch.setattr(triton, "cancelled", None)  # the servicer fails
    with pytest.raises(GenerationFailed):
        await collect(gateway.stream(pass_, CALL))
    with capture_logs() as logs:
        await gateway.close()
    assert [line["log_level"] for line in logs] == ["debug"]


async def test_a_dead_backend_is_noticed_by_those_who_wait(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.progress = error_answer("Stub process 'starter_denoiser_0_0' is not healthy.")
    with pytest.raises(BackendUnavailable):
        await collect(gateway.stream(pass_, CALL))


async def test_a_pass_that_the_denoiser_does_not_know_is_lost(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.respond = triton.silence  # its process was killed, and another one has been started
    triton.progress = progress_answer(-1, -1)
    with pytest.raises(BackendUnavailable):
        await collect(gateway.stream(pass_, CALL))


async def test_progress_and_cancel_go_to_the_denoiser(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    triton.progress = progress_answer(3, 20)
    assert await gateway.progress("starter", "job") == Progress(3, 20)
    triton.progress = progress_answer(-1, -1)
    assert await gateway.progress("starter", "job") is None
    await gateway.cancel("starter", "job")
    assert triton.cancelled == ["job"]


async def test_no_answer_to_a_question_is_no_progress(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.progress = pcm_answer(decoded(pass_))
    assert await gateway.progress("starter", "job") is None


async def test_ensembles_with_a_card_are_served(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(replace(card, name="beta"))
    triton.serve(replace(card, name="alpha"))
    triton.serve(replace(card, name=component_name("alpha", "denoiser")), platform="")
    triton.serve(replace(card, name="other"), platform="onnxruntime_onnx")
    triton.index.append(("cardless", "1", "READY"))
    triton.configs["cardless"] = service_pb2.ModelConfigResponse()
    triton.configs["cardless"].config.platform = "ensemble"
    catalog = await gateway.refresh()
    assert [each.name for each in catalog.cards] == ["alpha", "beta"]
    assert catalog == gateway.catalog
    assert catalog.away == frozenset()


async def test_a_models_name_is_tritons(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    triton.index = [("copy", "1", "READY")]
    triton.configs["copy"] = triton.configs["starter"]
    assert [each.name for each in (await gateway.refresh()).cards] == ["copy"]


async def test_models_that_are_not_ready_are_away(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.index = [("loading", "1", "LOADING"), ("gone", "1", "UNAVAILABLE"), ("never", "", "")]
    triton.serve(card)
    triton.index.append(("starter", "2", "UNAVAILABLE"))  # a version that failed to load
    catalog = await gateway.refresh()
    assert catalog.away == {"loading", "gone"}
    assert [each.name for each in catalog.cards] == ["starter"]


async def test_a_model_that_loads_again_is_missed_until_it_is_back(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    assert (await gateway.refresh()).missed == ()
    triton.index = [("starter", "1", "LOADING"), ("never-seen", "1", "LOADING")]
    for _ in range(2):  # for as long as it results
        assert (await gateway.refresh()).missed == (card,)
    triton.index = [("starter", "1", "READY")]
    catalog = await gateway.refresh()
    assert (catalog.cards, catalog.missed) == ((card,), ())


async def test_a_model_that_left_the_repository_is_not_missed(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    await gateway.refresh()
    triton.index = []
    assert await gateway.refresh() == Catalog()


async def test_a_model_that_leaves_while_being_read_is_skipped(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    triton.index = [("leaving", "1", "READY")]
    assert (await gateway.refresh()).cards == ()


async def test_a_card_of_another_release_is_logged_and_skipped(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    triton.serve(card)
    parameters: Any = triton.configs["starter"].config.parameters
    parameters["tritone_card"].string_value = '{"name": "starter"}'
    with capture_logs() as logs:
        assert (await gateway.refresh()).cards == ()
    assert logs[0]["event"] == "bad_model_card"


async def test_a_config_that_cannot_be_read_is_an_error(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton.serve(card)
    monkeypatch.setattr(triton, "configs", None)  # the servicer fails
    with pytest.raises(GenerationFailed):
        await gateway.refresh()


async def test_new_models_appear_by_themselves(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    await gateway.open()
    assert gateway.catalog == Catalog()
    triton.serve(card)
    await eventually(lambda: bool(gateway.catalog.cards))


async def test_a_triton_that_is_away_is_found_when_it_comes(card: ModelCard) -> None:
    place = grpc.aio.server()
    port = place.add_insecure_port("127.0.0.1:0")
    await place.start()
    await place.stop(grace=None)
    # However seldom new models are looked for: who is away is missed by somebody.
    gateway = SingleTriton(TritonSettings(url=f"127.0.0.1:{port}", refresh_s=300.0))
    with capture_logs() as logs:
        await gateway.open()
        with pytest.raises(BackendUnavailable):
            await gateway.refresh()
    changes = [line for line in logs if line["log_level"] != "debug"]
    assert [line["event"] for line in changes] == ["triton_reachable"]  # one line, however long
    triton, back = FakeTriton(), grpc.aio.server()
    triton.serve(card)
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, back)
    back.add_insecure_port(f"127.0.0.1:{port}")
    await back.start()
    await eventually(lambda: bool(gateway.catalog.cards))
    await back.stop(grace=None)
    with pytest.raises(BackendUnavailable):
        await gateway.refresh()
    assert gateway.catalog.cards == (card,)  # bad requests are still told what is wrong with them
    await gateway.close()


async def test_closing_what_was_never_opened_is_fine() -> None:
    await SingleTriton(TritonSettings()).close()


def on_trial(triton: FakeTriton, card: ModelCard, share: float) -> None:
    """Serve version 1, version 2 to a share of the requests, and version 3 to none."""
    triton.serve(card)
    triton.index += [(f"{card.name}@2", "2", "READY"), (f"{card.name}@3", "3", "UNAVAILABLE")]
    for version in ("1", "2"):
        triton.index += [
            (component_name(card.name, component), version, "READY") for component in COMPONENTS
        ]
    lineup = Lineup(previous=None, candidates={2: share, 3: 0.0}).to_json()
    parameters = triton.configs[card.name].config.parameters
    parameters[VERSIONS_PARAMETER].string_value = lineup


async def test_a_candidate_is_no_model_of_its_own(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    on_trial(triton, card, 0.5)
    catalog = await gateway.refresh()
    assert [each.name for each in catalog.cards] == [card.name]
    assert catalog.away == frozenset()


async def test_a_candidate_gets_its_share_and_its_version_is_told(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass, card: ModelCard
) -> None:
    async def by_name(request: service_pb2.ModelInferRequest) -> Answers:
        version = "2" if request.model_name.endswith("@2") else "1"
        yield pcm_answer(decoded(pass_), version)

    on_trial(triton, card, 0.5)
    triton.respond = by_name
    await gateway.refresh()
    calls = [replace(CALL, request_id=f"request {i}") for i in range(40)]
    versions = [(await collect(gateway.stream(pass_, call))).model_version for call in calls]
    assert 8 < versions.count("2") < 32
    again = [(await collect(gateway.stream(pass_, call))).model_version for call in calls[:5]]
    assert again == versions[:5]


@pytest.mark.parametrize("text", ["unknown model: 'starter@2' is not found", "out of memory"])
async def test_what_a_candidate_fails_at_the_serving_version_does(
    triton: FakeTriton,
    gateway: SingleTriton,
    pass_: SoundPass,
    card: ModelCard,
    text: str,
) -> None:
    async def only_the_first(request: service_pb2.ModelInferRequest) -> Answers:
        if request.model_name.endswith("@2"):
            yield error_answer(text)
        else:
            yield pcm_answer(decoded(pass_), "1")

    on_trial(triton, card, 1.0)
    triton.respond = only_the_first
    await gateway.refresh()
    result = await collect(gateway.stream(pass_, CALL))
    assert result.model_version == "1"
    assert [failure.model_version for failure in result.failures] == ["2"]
    first, second = triton.inferred
    # Of another name, so that the first one's cancellation does not reach it.
    assert first.parameters["job_id"] != second.parameters["job_id"]


async def test_a_candidate_that_takes_all_the_time_is_a_missed_deadline(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass, card: ModelCard
) -> None:
    on_trial(triton, card, 1.0)
    triton.progress = progress_answer(1, 2)

    async def late(_request: service_pb2.ModelInferRequest) -> Answers:
        await asyncio.sleep(0.3)
        yield error_answer("Request timeout expired")

    triton.respond = late
    await gateway.refresh()
    with pytest.raises(DeadlineExceeded):
        await collect(gateway.stream(pass_, replace(CALL, timeout_s=0.2)))
    assert len(triton.inferred) == 1


async def test_every_loaded_version_of_the_denoiser_is_asked_and_told(
    triton: FakeTriton, gateway: SingleTriton, card: ModelCard
) -> None:
    on_trial(triton, card, 0.5)
    await gateway.refresh()
    triton.progress = progress_answer(3, 20)
    assert await gateway.progress(card.name, "job") == Progress(3, 20)
    await gateway.cancel(card.name, "job")
    asked = [(control.model_name, control.model_version) for control in triton.controls]
    denoiser = component_name(card.name, "denoiser")
    assert sorted(asked) == sorted([(denoiser, "1"), (denoiser, "2")] * 2)


async def test_a_lineup_of_another_release_is_logged_and_ignored(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass, card: ModelCard
) -> None:
    async def answer(_request: service_pb2.ModelInferRequest) -> Answers:
        yield pcm_answer(decoded(pass_), "1")

    on_trial(triton, card, 1.0)
    triton.configs[card.name].config.parameters[VERSIONS_PARAMETER].string_value = "{"
    triton.respond = answer
    with capture_logs() as lines:
        await gateway.refresh()
    assert [line["event"] for line in lines if "lineup" in line["event"]] == ["bad_lineup"]
    assert (await collect(gateway.stream(pass_, CALL))).failures == ()
