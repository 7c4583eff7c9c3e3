import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import cast

import psutil
import pytest
from tritonclient.grpc import model_config_pb2

from ops.errors import TritonCallFailed
from ops.triton import probe
from ops.triton.backend_processes import BackendProcess, Look
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


async def test_only_what_neither_answers_nor_works_hangs(
    process: psutil.Process, request: pytest.FixtureRequest
) -> None:
    async def find(*, is_answered: bool) -> list[psutil.Process]:
        control = cast("TritonControl", FakeControl(is_answered=is_answered))
        return await probe.find_hung("rain", [process], control, TIMEOUT_S)

    assert await find(is_answered=True) == []
    is_idle = "idle" in request.node.name
    assert await find(is_answered=False) == [process] * is_idle


async def test_a_process_that_died_meanwhile_does_not_matter() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])  # noqa: ASYNC220 -- it ends at once
    process = psutil.Process(child.pid)  # psutil's own `Popen` may lose how its child ended
    child.wait()
    control = cast("TritonControl", FakeControl(is_answered=False))
    assert await probe.find_hung("rain", [process], control, TIMEOUT_S) == []


class SilentOf:
    """A Triton of which some models never answer."""

    def __init__(self, *models: str) -> None:
        self.models = models

    async def config(self, _model: str) -> model_config_pb2.ModelConfig:
        return model_config_pb2.ModelConfig()

    async def ask(self, model: str, _inputs: object, _how: object, _timeout_s: float) -> None:
        if model in self.models:
            raise TritonCallFailed("Deadline Exceeded")


@pytest.mark.parametrize(
    ("silent", "killed", "n_restarts"),
    [
        ([], [], 0),
        (["rain"], ["rain"], 0),
        (["rain", "wind"], [], 1),
    ],
)
async def test_a_triton_all_of_whose_models_are_silent_is_restarted_and_its_backends_spared(
    silent: list[str], killed: list[str], n_restarts: int
) -> None:
    models = ["rain", "wind"]
    processes = {
        each: psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for each in models
    }
    await asyncio.sleep(0.3)  # past the starts of the interpreters
    living = tuple(BackendProcess(model=each, process=processes[each]) for each in models)
    restarts: list[None] = []
    watch = probe.Probe(
        cast("TritonControl", SilentOf(*silent)),
        look=lambda: Look(living=living),
        restart=lambda: restarts.append(None),
        period_s=1.0,
        timeout_s=TIMEOUT_S,
    )
    await watch._ask()
    await asyncio.sleep(0.1)
    dead = [each for each in models if processes[each].status() == psutil.STATUS_ZOMBIE]
    for each in processes.values():
        each.kill()
        each.wait()
    assert dead == killed
    assert len(restarts) == n_restarts


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
