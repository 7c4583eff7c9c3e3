"""Deaths and orderly ends of a real Triton."""

import asyncio
import json
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from ops.triton.shared_memory import SHARED_MEMORY
from tests.acceptance.client import Ask, Client
from tests.acceptance.conftest import copy_of
from tests.acceptance.stack import START_TIMEOUT_S, Stack, is_running, running

pytestmark = pytest.mark.triton

ASK = Ask()
HEALING_TIMEOUT_S = 30.0


@pytest.fixture
def doomed_stack(repository: Path, tmp_path: Path) -> Iterator[Stack]:
    """A stack that a test may end."""
    with running(copy_of(repository, tmp_path / "models"), tmp_path, "--no-frontend") as stack:
        yield stack


async def until_served(client: Client) -> None:
    """Return once a sound is made."""
    async with asyncio.timeout(HEALING_TIMEOUT_S):
        while True:
            try:
                await client.generate(ASK, timeout_s=2.0)
            except Exception:  # whatever a dying server says, or none of its answers
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("component", ["tokenizer", "denoiser"])
async def test_a_killed_backend_process_is_noticed_and_healed(
    stack: Stack, client: Client, model: str, component: str
) -> None:
    await client.generate(ASK)
    killed = stack.stub(f"{model}_{component}")
    killed.kill()
    assert stack.has_logged(f"{model}_{component} is healed")
    await until_served(client)
    assert stack.stub(f"{model}_{component}").pid != killed.pid


async def test_a_killed_transformer_costs_no_request(
    sharing_stack: Stack, sharing_client: Client, model: str
) -> None:
    asks = [replace(ASK, seed=seed, steps=200) for seed in range(4)]
    expected = await sharing_client.latents(asks[0])
    jobs = [asyncio.create_task(sharing_client.latents(ask)) for ask in asks]
    await asyncio.sleep(0.1)
    sharing_stack.stub(f"{model}_transformer").kill()
    made = await asyncio.gather(*jobs)
    assert np.abs(made[0] - expected).max() < 1e-5 * np.abs(expected).max()
    assert sharing_stack.has_logged(f"{model}_transformer is healed")


async def test_a_killed_triton_is_started_again_on_the_same_port(
    stack: Stack, client: Client
) -> None:
    await client.generate(ASK)
    stubs = stack.triton().children()
    stack.triton().kill()
    assert stack.has_logged("triton is ready again")
    await until_served(client)
    assert stack.out.count("\n") == 1
    assert not [stub for stub in stubs if is_running(stub)]


async def test_sigterm_under_load_fails_no_accepted_request(
    doomed_stack: Stack, model: str
) -> None:
    prefix = _prefix(doomed_stack)
    async with Client(doomed_stack.address, model) as client:
        asks = [replace(ASK, seed=seed, steps=30) for seed in range(6)]
        jobs = [asyncio.create_task(client.generate(ask, job_id=f"job-{ask.seed}")) for ask in asks]
        while await client.control("query", f"job-{len(jobs) - 1}") == [-1, -1]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        code = asyncio.create_task(asyncio.to_thread(doomed_stack.stop))
        sounds = await asyncio.gather(*jobs)
        assert all(len(sound) for sound in sounds)
        assert await code == 0
    assert not list(SHARED_MEMORY.glob(f"{prefix}*"))


def generate_over_http(address: str, seed: int) -> int:
    """Return the status of a request for a second of sound."""
    body = {
        "input": "rain",
        "audio_length": 1,
        "seed": seed,
        "num_inference_steps": 10,
        "response_format": "wav",
    }
    request = urllib.request.Request(
        f"http://{address}/v1/audio/generate",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=HEALING_TIMEOUT_S) as response:
        assert response.read(4) == b"RIFF"
        return int(response.status)


def test_another_triton_is_used_where_one_is_named(stack: Stack, tmp_path: Path) -> None:
    with running(tmp_path, tmp_path, TRITONE_TRITON__URL=stack.address) as other:
        assert generate_over_http(other.address, seed=1) == 200
        children = psutil.Process(other.process.pid).children()
        assert "tritonserver" not in [child.name() for child in children]
        assert other.stop() == 0


def test_a_start_without_one_model_that_loads_ends(repository: Path, tmp_path: Path) -> None:
    models = copy_of(repository, tmp_path / "models")
    network = next(models.glob("*_vae_decoder/1/model.onnx"))
    network.write_bytes(b"not a network")
    with running(models, tmp_path, "--no-frontend") as stack:
        assert stack.process.wait(START_TIMEOUT_S) == 1
        assert "no model can be loaded: " in stack.log
        assert "_vae_decoder" in stack.log.splitlines()[-1]
        assert stack.out == ""


@dataclass(frozen=True)
class Crash:
    """A supervisor that was killed, and the stack that was started after it."""

    prefix: str
    left: psutil.Process  # Triton of the killed one
    following: Stack


@pytest.fixture(scope="module")
def crash(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crash]:
    folder = tmp_path_factory.mktemp("crash")
    models = copy_of(repository, folder / "models")
    with running(models, folder, "--no-frontend") as doomed:
        prefix, left = _prefix(doomed), doomed.triton()
        doomed.process.send_signal(signal.SIGKILL)
        doomed.process.wait()
        assert left.is_running()
        with running(models, folder / "next", "--no-frontend") as following:
            assert following.address
            yield Crash(prefix, left, following)


def test_a_crash_of_the_supervisor_is_cleared_up_by_the_next_start(crash: Crash) -> None:
    assert not is_running(crash.left)
    assert not list(SHARED_MEMORY.glob(f"{crash.prefix}*"))


def test_a_second_signal_ends_everything_at_once(crash: Crash) -> None:
    ending = crash.following
    triton = ending.triton()
    ending.process.send_signal(signal.SIGINT)
    assert ending.has_logged("stopping")
    ending.process.send_signal(signal.SIGINT)
    assert ending.process.wait(5) == 0
    assert not is_running(triton)


def _prefix(stack: Stack) -> str:
    assert stack.address
    environment = stack.triton().environ()
    return environment["TRITONE_INSTANCE"]
