"""Deaths and orderly ends of a real Triton."""

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ops.shared_memory import SHARED_MEMORY
from tests.acceptance.client import Ask, Client
from tests.acceptance.conftest import copy_of
from tests.acceptance.stack import Stack, is_running, running

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


@pytest.mark.parametrize("component", ["tokenizer", "denoiser", "transformer"])
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


def test_a_crash_of_the_supervisor_is_cleared_up_by_the_next_start(
    doomed_stack: Stack, tmp_path: Path
) -> None:
    prefix = _prefix(doomed_stack)
    left = doomed_stack.triton()
    doomed_stack.process.send_signal(signal.SIGKILL)
    doomed_stack.process.wait()
    assert left.is_running()
    with running(doomed_stack.repository, tmp_path / "next", "--no-frontend") as following:
        assert following.address
        assert not is_running(left)
        assert not list(SHARED_MEMORY.glob(f"{prefix}*"))


def _prefix(stack: Stack) -> str:
    assert stack.address
    environment = stack.triton().environ()
    return environment["TRITONE_INSTANCE"]
