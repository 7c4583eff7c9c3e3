"""Chunks through the gateway: in order, as they are made, and no further than they are wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from frontend.errors import BackendUnavailable, GenerationFailed, InvalidRequest
from frontend.triton import grants
from frontend.triton.gateway import PassOptions, Progress, SpeechPass, collect
from frontend.triton.single import SingleTriton
from tests.cards import TALKER
from tests.fake_triton import (
    Answers,
    FakeTriton,
    error_answer,
    pcm_answer,
    progress_answer,
    speech_answer,
)
from tests.frontend.triton.servers import eventually, gateway_to, serving
from tritone.pcm import Pcm
from tritone.speech_refusals import NOTHING_TO_SPEAK
from tritone.versions import VERSIONS_PARAMETER, Lineup

OPTIONS = PassOptions(pass_id="pass", request_id="req", timeout_s=5.0)


def spoken(k: int) -> Pcm:
    """One chunk: int16 [1, 1, 100 + k], of the value k."""
    return np.full((1, 1, 100 + k), k, np.int16)


@pytest.fixture
def triton() -> FakeTriton:
    triton = FakeTriton()
    triton.serve(TALKER)
    triton.progress = progress_answer(1, 3)
    return triton


@pytest.fixture
async def gateway(triton: FakeTriton) -> AsyncIterator[SingleTriton]:
    async with serving(triton) as url, gateway_to(url) as gateway:
        await gateway.refresh()
        yield gateway


def speaking(
    n_chunks: int, then: str | None = None, gate: asyncio.Event | None = None
) -> Callable[[service_pb2.ModelInferRequest], Answers]:
    """Answer with chunks; behind a gate all but the first; end with an error, if there is one."""

    async def respond(request: service_pb2.ModelInferRequest) -> Answers:
        wants_timings = "timings" in {output.name for output in request.outputs}
        for k in range(1, n_chunks + 1):
            if gate is not None and k > 1:
                await gate.wait()
            timings = f'{{"begin": {k}}}' if wants_timings else None
            yield speech_answer(spoken(k), (k, n_chunks), timings)
        if then is not None:
            yield error_answer(then)

    return respond


async def test_a_speaker_is_served_and_asked_by_its_own_name(
    triton: FakeTriton, gateway: SingleTriton
) -> None:
    assert gateway.catalog.speech_cards == (TALKER,)
    assert gateway.catalog.cards == ()
    assert await gateway.progress("talker", "pass") == Progress(1, 3)
    await gateway.cancel("talker", "pass")
    assert {control.model_name for control in triton.controls} == {"talker_speaker"}


async def test_a_text_is_sent_with_every_choice(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(1)
    await collect(gateway.stream(speech_pass, OPTIONS))
    (sent,) = triton.inferred
    content = dict(zip((t.name for t in sent.inputs), sent.raw_input_contents, strict=True))
    assert content["text"][4:].decode() == speech_pass.text
    assert content["voice"][4:].decode() == "anna"
    assert np.frombuffer(content["speed"], np.float32) == 1.0
    assert {output.name for output in sent.outputs} == {"pcm", "progress"}
    assert sent.parameters["window"].int64_param == 8


async def test_chunks_come_in_order_with_progress_and_timings(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(3)
    pass_ = replace(speech_pass, wants_timings=True)
    async with aclosing(gateway.stream(pass_, OPTIONS)) as stream:
        chunks = [chunk async for chunk in stream]
    assert [chunk.pcm.shape for chunk in chunks] == [(1, 101), (1, 102), (1, 103)]
    assert [chunk.progress for chunk in chunks] == [Progress(k, 3) for k in (1, 2, 3)]
    assert [chunk.timings for chunk in chunks] == [f'{{"begin": {k}}}' for k in (1, 2, 3)]


async def test_the_first_chunk_is_there_before_the_second_is_made(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    gate = asyncio.Event()
    triton.respond = speaking(2, gate=gate)
    async with aclosing(gateway.stream(speech_pass, OPTIONS)) as stream:
        assert (await anext(stream)).pcm.shape == (1, 101)
        gate.set()
        assert (await anext(stream)).pcm.shape == (1, 102)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert triton.cancelled == []


async def test_collected_chunks_are_one(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(3)
    result = await collect(gateway.stream(speech_pass, OPTIONS))
    joined = np.concatenate([spoken(k)[0] for k in (1, 2, 3)], axis=1)
    assert np.array_equal(result.pcm, joined)


async def test_more_chunks_are_granted_as_they_are_taken(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(20)
    await collect(gateway.stream(speech_pass, OPTIONS))
    await eventually(lambda: triton.granted == 20)
    # That version speaks which the chunks name, whatever was served at the last look.
    assert {each.model_version for each in triton.controls} == {"1"}


async def test_a_speaker_is_told_that_somebody_listens(
    triton: FakeTriton,
    gateway: SingleTriton,
    speech_pass: SpeechPass,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grants, "SIGN_PERIOD_S", 0.01)
    gate = asyncio.Event()
    triton.respond = speaking(2, gate=gate)
    stream = gateway.stream(speech_pass, OPTIONS)
    await anext(stream)
    await eventually(lambda: len(triton.controls) > 1)
    assert triton.granted == 0
    gate.set()
    await stream.aclose()


async def test_closing_the_stream_cancels_and_waits_for_the_end(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    gate = asyncio.Event()
    triton.respond = speaking(50, then="cancelled at sentence 1/50", gate=gate)
    stream = gateway.stream(speech_pass, OPTIONS)
    await anext(stream)
    closing = asyncio.create_task(stream.aclose())
    await eventually(lambda: triton.cancelled == ["pass"])
    assert not closing.done()
    gate.set()
    await closing


async def test_an_error_after_the_first_chunk_ends_the_stream(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(1, then="out of memory")
    stream = gateway.stream(speech_pass, OPTIONS)
    await anext(stream)
    with pytest.raises(GenerationFailed):
        await anext(stream)


async def test_a_speaker_that_dies_between_chunks_is_noticed(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(2, gate=asyncio.Event())
    stream = gateway.stream(speech_pass, OPTIONS)
    await anext(stream)
    triton.progress = progress_answer(-1, -1)
    with pytest.raises(BackendUnavailable):
        await anext(stream)


async def test_a_text_without_words_is_the_callers_fault(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    triton.respond = speaking(0, then=NOTHING_TO_SPEAK)
    with pytest.raises(InvalidRequest, match="nothing to speak") as caught:
        await collect(gateway.stream(speech_pass, OPTIONS))
    assert caught.value.field == "text"


async def test_a_candidate_is_replaced_before_its_first_chunk_only(
    triton: FakeTriton, gateway: SingleTriton, speech_pass: SpeechPass
) -> None:
    async def respond(request: service_pb2.ModelInferRequest) -> Answers:
        if request.model_name == "talker@2":
            for _ in range(n_before_error):
                yield pcm_answer(spoken(1), "2")
            yield error_answer("out of memory")
        else:
            yield pcm_answer(spoken(2), "1")

    lineup = Lineup(previous=None, candidates={2: 1.0}).to_json()
    triton.configs["talker"].config.parameters[VERSIONS_PARAMETER].string_value = lineup
    triton.index.append(("talker@2", "2", "READY"))
    triton.respond = respond
    await gateway.refresh()
    n_before_error = 0
    result = await collect(gateway.stream(speech_pass, OPTIONS))
    assert (result.model_version, len(result.failures)) == ("1", 1)
    n_before_error = 1
    with pytest.raises(GenerationFailed):
        await collect(gateway.stream(speech_pass, OPTIONS))
