import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from structlog.testing import capture_logs

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
)
from frontend.observe import context
from frontend.triton.gateway import Progress, SoundPass, collect
from frontend.triton.single import SingleTriton
from tests.fake_triton import (
    Answers,
    FakeTriton,
    error_answer,
    pcm_answer,
    progress_answer,
)
from tests.frontend.triton.servers import (
    CALL,
    answering,
    decoded,
    eventually,
)
from tritone.pcm import Pcm
from tritone.turns import BACKGROUND


@pytest.fixture
def pass_(pass_: SoundPass) -> SoundPass:
    """What strains the transport: other scripts, and a seed at the border."""
    return replace(
        pass_, prompt="Regen, наконец 雨", controls={"negative_prompt": "wind"}, seed=-(2**63)
    )


async def test_a_pass_says_on_whose_share_it_is_and_who_waits_for_it(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    triton.respond = answering(pcm_answer(decoded(pass_)))
    await collect(gateway.stream(pass_, replace(CALL, owner="key-1", priority=BACKGROUND)))
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


async def test_samples_of_a_tensorrt_decoder_are_narrowed(
    triton: FakeTriton, gateway: SingleTriton, pass_: SoundPass
) -> None:
    whole = decoded(pass_)
    triton.respond = answering(pcm_answer(cast("Pcm", whole.astype(np.int32))))
    result = await collect(gateway.stream(pass_, CALL))
    assert result.pcm.dtype == np.int16
    assert np.array_equal(result.pcm, whole[0, :, : result.pcm.shape[1]])


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
    with capture_logs() as logs, pytest.raises(GenerationFailed, match="could not be made"):
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
