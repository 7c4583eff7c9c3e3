"""Real processes die, with SIGKILL; jobs and webhooks do not."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from frontend.jobs.model import Job, JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.startup import JobSystem, open_jobs
from frontend.sounds.request import GenerationRequest
from frontend.webhooks.model import DeliveryStatus
from ops.stack.postgres import EmbeddedPostgres
from tests.frontend.database.server import new_database, running_server
from tests.frontend.jobs.chaos import run_chaos
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.processes import POISON, Setting
from tests.frontend.jobs.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def setting(database_url: str, tmp_path: Path, receiver: Receiver) -> Setting:
    files = str(tmp_path / "files")
    return Setting(database_url=database_url, files=files, seconds=1.0, webhook_url=receiver.url)


@pytest.fixture
async def system(setting: Setting) -> AsyncIterator[JobSystem]:
    async with open_jobs(setting.job_settings, {}, patience_s=20.0) as system:
        yield system


@contextmanager
def worker(setting: Setting) -> Iterator[subprocess.Popen[str]]:
    process = setting.start("worker")
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def reached(system: JobSystem, job: Job, status: JobStatus, timeout_s: float = 20) -> Job:
    async with asyncio.timeout(timeout_s):
        async for each in await system.service.events(job.id, None):
            if each.status is status:
                return each
    raise AssertionError(f"the job ended as {each.status} instead")


async def test_another_worker_ends_the_job_of_a_killed_one_once(
    system: JobSystem, setting: Setting, receiver: Receiver
) -> None:
    job = await system.service.submit(make_request(webhook_url=receiver.url))
    with worker(setting) as first:
        await reached(system, job, JobStatus.RUNNING)
        first.kill()
    with worker(setting):
        over = await reached(system, job, JobStatus.COMPLETED)
        await receiver.until(lambda each: bool(each.accepted))
    assert (over.attempt, over.strikes) == (2, 1)
    (delivery,) = await system.service.deliveries(job.id, None)
    assert set(receiver.accepted) == {delivery.id}


async def test_a_stopped_worker_that_wakes_up_cannot_end_what_others_took(
    system: JobSystem, setting: Setting, receiver: Receiver
) -> None:
    job = await system.service.submit(make_request(webhook_url=receiver.url))
    with worker(setting) as sleeper:
        await reached(system, job, JobStatus.RUNNING)
        sleeper.send_signal(signal.SIGSTOP)
        with worker(setting):
            over = await reached(system, job, JobStatus.COMPLETED)
            sleeper.send_signal(signal.SIGCONT)
            await asyncio.sleep(2)
    assert over.attempt == 2
    assert (await system.service.get(job.id, None)).attempt == 2
    assert len(await system.service.deliveries(job.id, None)) == 1


async def test_a_job_that_kills_its_workers_ends_in_error_and_the_others_go_on(
    system: JobSystem, setting: Setting, receiver: Receiver
) -> None:
    request = make_request(wanted=GenerationRequest(prompt=POISON), webhook_url=receiver.url)
    poison = await system.service.submit(request)
    deaths = 0
    healthy = [
        await system.service.submit(make_request(webhook_url=receiver.url)) for _ in range(3)
    ]
    n_jobs = 1 + len(healthy)
    async with asyncio.timeout(40):
        while len(receiver.accepted) < n_jobs:
            with worker(setting) as process:
                while process.poll() is None and len(receiver.accepted) < n_jobs:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                deaths += process.returncode is not None
    over = await system.service.get(poison.id, None)
    assert (over.status, over.attempt, deaths) == (JobStatus.ERROR, 3, 3)
    for job in healthy:  # who ran beside it died with it once, not as often as it
        ended = await system.service.get(job.id, None)
        assert (ended.status, ended.strikes <= 1) == (JobStatus.COMPLETED, True)


async def test_sigterm_ends_a_worker_in_good_order(system: JobSystem, setting: Setting) -> None:
    job = await system.service.submit(make_request())
    with worker(setting) as process:
        await reached(system, job, JobStatus.RUNNING)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 10) == 0
    assert (await system.service.get(job.id, None)).status is JobStatus.COMPLETED


async def test_a_database_that_is_killed_delays_jobs_and_loses_none(tmp_path: Path) -> None:
    with running_server(in_memory=False) as server:
        setting = Setting(
            database_url=new_database(server), files=str(tmp_path / "files"), seconds=0.6
        )
        async with open_jobs(setting.job_settings, {}, patience_s=20.0) as system:
            with worker(setting):
                jobs = [await system.service.submit(make_request()) for _ in range(8)]
                await reached(system, jobs[0], JobStatus.RUNNING)
                await _kill_and_restart(server)
                late = await system.service.submit(make_request())
                for job in (*jobs, late):
                    await reached(system, job, JobStatus.COMPLETED)
            found = await system.store.page(JobFilter(), None, 100)
    assert len(found) == 9
    assert {job.strikes for job in found} == {0}


async def _kill_and_restart(server: EmbeddedPostgres) -> None:
    server.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(server.start)


async def test_a_receiver_that_is_down_gets_its_webhook_after_the_worker_died(
    system: JobSystem, setting: Setting, receiver: Receiver
) -> None:
    receiver.statuses += [503] * 3
    job = await system.service.submit(make_request(webhook_url=receiver.url))
    with worker(setting) as first:
        await receiver.until(lambda each: bool(each.bodies), 20)
        first.kill()
    with worker(setting):
        await receiver.until(lambda each: bool(each.accepted), 20)
        await asyncio.sleep(0.3)
    (delivery,) = await system.service.deliveries(job.id, None)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert len({head["webhook-id"] for head in receiver.headers}) == 1


@pytest.mark.drill
async def test_chaos_loses_nothing() -> None:
    outcome = await run_chaos(40, 3, seconds=0.3, seed=1, timeout_s=60)
    assert outcome.statuses == {"completed": 40}, outcome
    assert (outcome.webhooks, outcome.endings) == (40, 40), outcome
    assert outcome.kills["worker"], outcome
