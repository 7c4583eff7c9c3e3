import asyncio
import sys
import time
from collections.abc import Iterator
from typing import cast

import psutil
import pytest
from tritonclient.grpc import model_config_pb2

from ops.errors import TritonCallFailed
from ops.triton import probe
from ops.triton.control import TritonControl
from ops.triton.probe import make_small_inputs

TIMEOUT_S = 1.0


class FakeControl:
    """Waits for a process that never answers, as Triton does, or gives the answer of one."""

    def __init__(self, *, is_answered: bool, problem: str = "Deadline Exceeded") -> None:
        self.is_answered = is_answered
        self.problem = problem

    async def config(self, _model: str) -> model_config_pb2.ModelConfig:
        return model_config_pb2.ModelConfig()

    async def ask(self, _model: str, _inputs: object, _how: object, timeout_s: float) -> None:
        if not self.is_answered:
            await asyncio.sleep(timeout_s)
            raise TritonCallFailed(self.problem)


@pytest.fixture(params=["import time; time.sleep(60)", "while True: pass"], ids=["idle", "busy"])
def process(request: pytest.FixtureRequest) -> Iterator[psutil.Process]:
    started = psutil.Popen([sys.executable, "-c", request.param])
    time.sleep(0.3)  # past the start of the interpreter
    yield started
    started.kill()
    started.wait()


async def look_at(process: psutil.Process, *, is_answered: bool) -> bool:
    """Return whether the process was killed."""
    control = cast("TritonControl", FakeControl(is_answered=is_answered))
    await probe.look_at("rain", [process], control, TIMEOUT_S)
    await asyncio.sleep(0.1)
    return process.status() == psutil.STATUS_ZOMBIE


async def test_only_what_neither_answers_nor_works_is_killed(
    process: psutil.Process, request: pytest.FixtureRequest
) -> None:
    assert not await look_at(process, is_answered=True)
    is_idle = "idle" in request.node.name
    assert await look_at(process, is_answered=False) == is_idle


async def test_a_process_that_died_meanwhile_does_not_matter() -> None:
    process = psutil.Popen([sys.executable, "-c", ""])
    process.wait()
    control = cast("TritonControl", FakeControl(is_answered=False))
    await probe.look_at("rain", [process], control, TIMEOUT_S)


@pytest.mark.parametrize(
    ("problem", "is_alive"),
    [
        ("Deadline Exceeded", False),
        ("Stub process 'rain_tokenizer_0_0' is not healthy.", False),
        ("inference request shape is wrong", True),
        ("Connection refused", True),  # Triton's death is not the model's
    ],
)
async def test_an_error_is_an_answer_too(problem: str, is_alive: bool) -> None:
    control = cast("TritonControl", FakeControl(is_answered=False, problem=problem))
    assert await probe.answers("rain", control, 0.01) == is_alive


def test_the_smallest_request_has_every_input_with_free_lengths_of_one() -> None:
    config = model_config_pb2.ModelConfig(max_batch_size=8)
    config.input.add(name="PROMPT", data_type="TYPE_STRING", dims=[1])
    config.input.add(name="LATENTS", data_type="TYPE_FP32", dims=[8, -1])
    prompt, latents = make_small_inputs(config)
    assert (prompt.name(), prompt.datatype(), prompt.shape()) == ("PROMPT", "BYTES", [1, 1])
    assert (latents.name(), latents.datatype(), latents.shape()) == ("LATENTS", "FP32", [1, 8, 1])
    config.max_batch_size = 0
    assert make_small_inputs(config)[1].shape() == [8, 1]
