"""Many event streams, few questions to the database."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest

from frontend.errors import BackendUnavailable, JobNotFound, Overloaded
from frontend.jobs.model import Job, JobStatus
from frontend.jobs.startup import JobSystem, JobSystemSettings, open_jobs
from tests.frontend.jobs.conftest import claim_job, make_request


async def follow(system: JobSystem, job: Job) -> list[tuple[JobStatus, int | None]]:
    """Return every status and position that a follower is told."""
    events = await system.service.events(job.id, None)
    return [(each.status, each.position) async for each in events]


async def test_all_streams_share_one_look(
    system: JobSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await system.service.submit(make_request()) for _ in range(40)]
    looks = 0
    look = system.store.get_changed

    async def count(seen: Sequence[Job]) -> dict[str, Job | None]:
        nonlocal looks
        looks += 1
        return await look(seen)

    monkeypatch.setattr(system.store, "get_changed", count)
    streams = [await system.service.events(job.id, None) for job in jobs]
    for stream in streams:
        assert (await anext(stream)).status is JobStatus.QUEUED
    for job in jobs:
        await system.service.cancel(job.id, None)
    async with asyncio.timeout(20):
        told = [[each async for each in stream] for stream in streams]
    assert all(each[-1].status is JobStatus.CANCELLED for each in told)
    assert looks < len(jobs)  # 40 streams, 40 changes


async def test_a_position_is_told_when_the_queue_moves(system: JobSystem) -> None:
    first, last = [await system.service.submit(make_request()) for _ in range(2)]
    positions: list[int | None] = []
    async with asyncio.timeout(20):
        async for each in await system.service.events(last.id, None):
            positions.append(each.position)
            if positions == [1]:
                await claim_job(system, first.id)
            else:
                break
    assert positions == [1, 0]


async def test_a_job_that_is_deleted_ends_its_streams(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    events = await system.service.events(job.id, None)
    assert (await anext(events)).status is JobStatus.QUEUED
    with psycopg.connect(system.settings.database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM tritone_jobs")
    with pytest.raises(JobNotFound):
        await asyncio.wait_for(anext(events), 20)


async def test_streams_hear_when_the_database_is_away(
    system: JobSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_seen: Sequence[Job]) -> dict[str, Job | None]:
        raise BackendUnavailable("away")

    monkeypatch.setattr(system.store, "get_changed", fail)
    with pytest.raises(BackendUnavailable):
        await asyncio.wait_for(follow(system, await system.service.submit(make_request())), 20)


async def test_a_key_may_open_half_of_the_streams_that_the_others_leave(
    job_settings: JobSystemSettings,
) -> None:
    jobs = job_settings.jobs.model_copy(update={"max_streams": 4})
    async with open_jobs(replace(job_settings, jobs=jobs), {}, 5.0) as system:
        mine = await system.service.submit(make_request(owner="a"))
        other = await system.service.submit(make_request(owner="b"))
        streams = []
        for _ in range(3):
            streams.append(await system.service.events(mine.id, "a"))
            await anext(streams[-1])
        with pytest.raises(Overloaded):
            await system.service.events(mine.id, "a")
        streams.append(await system.service.events(other.id, "b"))
        await anext(streams[-1])
        with pytest.raises(Overloaded):
            await system.service.events(other.id, "b")
        await streams[0].aclose()
        await system.service.events(other.id, "b")


async def test_nothing_runs_while_nobody_follows(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    events = await system.service.events(job.id, None)
    await anext(events)
    watcher = system.service._watcher
    assert watcher._running is not None
    await events.aclose()
    async with asyncio.timeout(10):
        while watcher._running is not None:  # noqa: ASYNC110 -- it is being cancelled
            await asyncio.sleep(0)
