"""Half an hour of mixed requests, with clients that leave: nothing dies and nothing grows."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import PATIENCE_S, open_folder, tell
from tests.acceptance.stack import SPEAKS, Stack, running

pytestmark = [pytest.mark.triton, pytest.mark.drill]

N_STAY, N_LEAVE = 7, 3
LEAVE_AFTER_S = 0.05, 0.5
ALONE_S = 60.0
SOAK_S = 1800.0
LEVEL_S = 600.0  # memory may grow until then
SAMPLE_S = 15.0
MOST_GROWTH = 1.1

TEXT = "The lamp in the window was the only light on the street. Nobody knew who had lit it."
JOBS = "/jobs"
ASKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/audio/generate", {"input": "rain", "audio_length": 1, "num_inference_steps": 8}),
    ("/v1/sound-generation", {"text": "a bell rings", "duration_seconds": 1.0}),
    ("/v1/audio/speech", {"model": "tts-1", "input": TEXT, "voice": "alloy"}),
    ("/v1/text-to-speech/heart/stream", {"text": TEXT}),
    (JOBS, {"prompt": "thunder", "seconds": 1, "steps": 8}),
)


@pytest.fixture
def stack(repository: Path) -> Iterator[Stack]:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SPEAKS) as stack:
            assert stack.address
            yield stack


@dataclass
class Clients:
    """Clients of all kinds, each of which asks for one thing after the other."""

    http: httpx2.AsyncClient
    answers: Counter[int] = field(default_factory=Counter)  # statuses, of those who stay
    refusals: Counter[str] = field(default_factory=Counter)  # of jobs of those who leave
    n_left: int = 0

    async def run(self, seconds: float, n_leave: int) -> float:
        """Ask for a while; return the answers per second of those who stay."""
        self.answers.clear()
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for n in range(N_STAY):
                group.create_task(self._stay(end, n))
            for n in range(n_leave):
                group.create_task(self._leave(end, n))
        return self.answers.total() / seconds

    async def _stay(self, end: float, n: int) -> None:
        for k in itertools.count(n):
            if time.monotonic() > end:
                return
            self.answers[await self._ask(*ASKS[k % len(ASKS)])] += 1

    async def _leave(self, end: float, n: int) -> None:
        moments = random.Random(n)
        while time.monotonic() < end:
            path, body = moments.choice(ASKS)
            moment_s = moments.uniform(*LEAVE_AFTER_S)
            if path == JOBS:
                await self._cancel_job(body, moment_s)
                continue
            try:
                await asyncio.wait_for(self._ask(path, body), moment_s)
            except TimeoutError:
                self.n_left += 1

    async def _cancel_job(self, body: dict[str, Any], moment_s: float) -> None:
        """Leave a job: it is made also for a client that is gone, so it has to be cancelled."""
        answer = await self.http.post(JOBS, json=body)
        if answer.status_code != httpx2.codes.ACCEPTED:
            self.refusals[f"{answer.status_code} {answer.text}"] += 1
            return
        await asyncio.sleep(moment_s)
        await self.http.delete(f"{JOBS}/{answer.json()['id']}")
        self.n_left += 1

    async def _ask(self, path: str, body: dict[str, Any]) -> int:
        answer = await self.http.post(path, json=body)
        if path == JOBS and answer.status_code == 202:
            return await self._follow(answer.json()["id"])
        return answer.status_code

    async def _follow(self, job_id: str) -> int:
        """Read a job's events to their end; return the status that its file is answered with."""
        async with self.http.stream("GET", f"{JOBS}/{job_id}/events") as events:
            async for _ in events.aiter_lines():
                pass
        job = (await self.http.get(f"{JOBS}/{job_id}")).json()
        (file,) = job["result"]["files"]
        return (await self.http.get(httpx2.URL(file["url"]).raw_path.decode())).status_code


def processes(stack: Stack) -> list[psutil.Process]:
    """Return the stack's long-lived processes; the database's own come and go with connections."""
    whole = psutil.Process(stack.process.pid)
    parts = [each for each in whole.children() if each.name() != "postgres"]
    return [whole, *parts, *stack.triton().children()]


async def memory_of(stack: Stack, seconds: float) -> list[int]:
    """Return the bytes that the stack's processes hold, once every 15 seconds."""
    samples = []
    began = time.monotonic()
    for n in range(1, int(seconds / SAMPLE_S) + 1):
        await asyncio.sleep(began + n * SAMPLE_S - time.monotonic())
        # In a thread: on a busy machine it takes a second to look at all processes.
        samples.append(await asyncio.to_thread(_memory_bytes, stack))
    return samples


def _memory_bytes(stack: Stack) -> int:
    return sum(each.memory_info().rss for each in processes(stack))


@pytest.mark.timeout(2 * SOAK_S)
async def test_half_an_hour_with_clients_that_leave(stack: Stack) -> None:
    before = processes(stack)
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(
        base_url=f"http://{stack.address}", timeout=PATIENCE_S, limits=limits
    ) as http:
        clients = Clients(http)
        await clients.run(10.0, 0)
        alone = await clients.run(ALONE_S, 0)
        measuring = asyncio.create_task(memory_of(stack, SOAK_S))
        beside = await clients.run(SOAK_S, N_LEAVE)
        memory = await measuring
    level = memory[int(LEVEL_S / SAMPLE_S) :]
    n = len(level) // 4
    growth = sum(level[-n:]) / sum(level[:n])
    tell(
        f"{SOAK_S:.0f} s: {dict(clients.answers)} for those who stayed, {clients.n_left} left; "
        f"{alone:.1f} answers/s alone, {beside:.1f} beside; "
        f"{level[0] / 1e6:.0f} MB after {LEVEL_S:.0f} s, {level[-1] / 1e6:.0f} MB at the end; "
        f"refused of those who left: {dict(clients.refusals)}"
    )
    assert processes(stack) == before
    assert set(clients.answers) == {200}
    assert not clients.refusals
    assert growth < MOST_GROWTH, memory
    assert beside >= 0.5 * alone * N_STAY / (N_STAY + N_LEAVE)
