"""Whose job comes next, and who may still wait: no key stands before the others."""

import asyncio
import random
import uuid
from dataclasses import replace

import pytest

from frontend.errors import Overloaded
from frontend.jobs.model import Job, JobStatus
from frontend.jobs.records import Ending, JobFilter
from frontend.jobs.startup import JobSystem, JobSystemSettings, open_jobs
from tests.frontend.jobs.conftest import claim_job, make_request


async def submit(system: JobSystem, owner: str, cost: float = 1.0) -> Job:
    return await system.service.submit(make_request(owner=owner), cost=cost)


async def claim(system: JobSystem) -> Job | None:
    return await system.store.claim_next(str(uuid.uuid4()), "here")


async def claim_owners(system: JobSystem, n: int) -> str:
    """Begin some jobs and return whose they were."""
    jobs = [await claim(system) for _ in range(n)]
    return "".join(job.request.owner for job in jobs if job is not None)


async def test_one_keys_many_jobs_do_not_stand_before_another_keys_one(system: JobSystem) -> None:
    for _ in range(20):
        await submit(system, "a")
    await submit(system, "b")
    assert await claim_owners(system, 2) in ("ab", "ba")


async def test_shares_are_of_the_cost_and_not_of_the_number(system: JobSystem) -> None:
    for _ in range(30):
        await submit(system, "a", cost=10.0)
        await submit(system, "b", cost=1.0)
    owners = await claim_owners(system, 22)
    assert owners.count("a") == 2
    assert owners.count("b") == 20


async def test_who_comes_later_begins_level_and_saves_up_nothing(system: JobSystem) -> None:
    for _ in range(20):
        await submit(system, "a")
    await claim_owners(system, 10)
    for _ in range(20):
        await submit(system, "b")
    owners = await claim_owners(system, 10)
    assert owners.count("b") == 5


async def test_what_an_owner_used_is_forgotten_with_its_last_job(system: JobSystem) -> None:
    costly = await submit(system, "a", cost=1000.0)
    await submit(system, "b")
    running = await claim_job(system, costly.id)
    await system.recovery.clear_queue(60.0)
    for owner in "abab":
        await submit(system, owner)
    assert await claim_owners(system, 3) == "bbb"
    await system.store.end(running, Ending(status=JobStatus.CANCELLED))
    for job in (await system.service.list(JobFilter(owner="a"))).jobs:
        await system.service.cancel(job.id, None)
    await system.recovery.clear_queue(60.0)
    for owner in "abab":
        await submit(system, owner)
    assert sorted(await claim_owners(system, 4)) == ["a", "a", "b", "b"]


async def test_positions_tell_the_order_of_turns(system: JobSystem) -> None:
    dice = random.Random(7)
    jobs = [
        await submit(system, dice.choice("aaaabbc"), cost=dice.choice([1.0, 2.0, 8.0]))
        for _ in range(40)
    ]
    await claim_owners(system, 7)
    positions = await system.store.get_positions([job.id for job in jobs])
    assert sorted(positions.values()) == list(range(33))
    for n in range(33):
        job = await claim(system)
        assert job is not None
        assert positions[job.id] == n
    assert await claim(system) is None


async def test_workers_that_claim_at_once_get_different_jobs_in_turn(system: JobSystem) -> None:
    for owner in "aaaaaaaaaaaaaaaaaaaabbbbbbbb":
        await submit(system, owner)
    jobs = await asyncio.gather(*[claim(system) for _ in range(16)])
    found = [job for job in jobs if job is not None]
    assert len({job.id for job in found}) == 16
    assert 6 <= sum(job.request.owner == "b" for job in found) <= 8


async def test_a_key_may_hold_half_of_the_queue_that_the_others_leave(
    job_settings: JobSystemSettings,
) -> None:
    jobs = job_settings.jobs.model_copy(update={"max_queued": 8})
    async with open_jobs(replace(job_settings, jobs=jobs), {}, 5.0) as system:
        for _ in range(5):
            await submit(system, "a")
        with pytest.raises(Overloaded, match="of this key"):
            await submit(system, "a")
        await submit(system, "b")
        await submit(system, "")
        await submit(system, "")  # without a key: whatever is left
        with pytest.raises(Overloaded, match="Too many jobs wait"):
            await submit(system, "c")


async def test_a_worker_runs_one_job_with_strikes_at_a_time(system: JobSystem) -> None:
    struck = [await submit(system, "a") for _ in range(2)]
    for attempt in [await claim_job(system, job.id) for job in struck]:
        await system.store.requeue(attempt, 0.0, 1)
    fresh = await submit(system, "a")
    first = await claim_job(system, struck[0].id)
    await claim_job(system, fresh.id)
    assert await claim(system) is None
    await claim_job(system, struck[1].id, worker="there")
    await system.store.requeue(first, 0.0, 0)
    await claim_job(system, struck[0].id)
