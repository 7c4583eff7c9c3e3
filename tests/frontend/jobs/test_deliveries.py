"""Hosts that do not answer are left alone for a while, and no delivery is lost by it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontend.jobs.deliveries import Settlement
from frontend.jobs.startup import JobSystem, open_jobs
from frontend.webhooks.model import AttemptOutcome, DeliveryStatus
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.job_settings import make_job_settings

HOST = "hooks.example.com"
SILENCE = AttemptOutcome(status_code=None, problem="timed out", seconds=0.1)
ANSWER = AttemptOutcome(status_code=500, problem="answered 500", seconds=0.1)
PAUSE_S = 0.3


@pytest.fixture
async def system(database_url: str, tmp_path: Path) -> AsyncIterator[JobSystem]:
    webhooks = {"schedule_s": [PAUSE_S, 60.0], "per_host": 3, "concurrency": 2}
    settings = make_job_settings(database_url, tmp_path, webhooks=webhooks)
    async with open_jobs(settings, {}, patience_s=5.0) as system:
        yield system


async def owe(system: JobSystem, n: int, owner: str = "alice", host: str = HOST) -> None:
    for _ in range(n):
        request = make_request(owner=owner, webhook_url=f"https://{host}/hook")
        job = await system.service.submit(request)
        await system.service.cancel(job.id, None)


async def attempt(
    system: JobSystem, delivery_id: str, outcome: AttemptOutcome, delay_s: float = 60.0
) -> None:
    claim_id = str(uuid.uuid4())
    assert await system.deliveries.claim(delivery_id, claim_id, 5.0)
    status = DeliveryStatus.PENDING
    settlement = Settlement(status=status, delay_s=delay_s, outcome=outcome)
    await system.deliveries.settle(delivery_id, claim_id, settlement)


async def fall_silent(system: JobSystem, owner: str = "alice") -> None:
    """Let attempts go without an answer until the host is left alone."""
    await owe(system, 5, owner)
    while due := [each for each in await system.deliveries.find_due() if each.owner == owner]:
        await attempt(system, due[0].id, SILENCE)


async def test_what_is_due_is_found_by_owner_and_host_as_far_as_it_can_be_sent(
    system: JobSystem,
) -> None:
    await owe(system, 5)
    await owe(system, 1, owner="bob")
    await owe(system, 1, host="other.example.com")
    found = await system.deliveries.find_due()
    assert sorted((each.owner, each.host) for each in found) == [
        *[("alice", HOST)] * 3,
        ("alice", "other.example.com"),
        ("bob", HOST),
    ]
    assert not any(each.is_probe for each in found)


async def test_very_many_hosts_of_one_owner_are_not_all_looked_at(system: JobSystem) -> None:
    for n in range(12):
        await owe(system, 1, owner="noisy", host=f"h{n}.example.com")
    await owe(system, 1)
    found = await system.deliveries.find_due()
    hosts = [each.host for each in found if each.owner == "noisy"]
    assert hosts == [f"h{n}.example.com" for n in range(8)]  # four for each slot, oldest first
    assert [each.owner for each in found].count("alice") == 1


async def test_a_silent_host_is_left_alone_then_tried_by_one(system: JobSystem) -> None:
    await fall_silent(system)
    await owe(system, 4)
    assert await system.deliveries.find_due() == []
    await asyncio.sleep(PAUSE_S)
    (probe,) = await system.deliveries.find_due()
    assert probe.is_probe
    await attempt(system, probe.id, ANSWER)
    found = await system.deliveries.find_due()
    assert len(found) == 3
    assert not any(each.is_probe for each in found)


async def test_a_host_that_stays_silent_is_left_alone_for_longer(system: JobSystem) -> None:
    await fall_silent(system)
    await owe(system, 2)
    await asyncio.sleep(PAUSE_S)
    (probe,) = await system.deliveries.find_due()
    await attempt(system, probe.id, SILENCE)
    await asyncio.sleep(2 * PAUSE_S)
    assert await system.deliveries.find_due() == []


async def test_answers_in_between_keep_a_host_open(system: JobSystem) -> None:
    await owe(system, 10)
    for outcome in [SILENCE, SILENCE, SILENCE, SILENCE, ANSWER] * 2:
        first, *_ = await system.deliveries.find_due()
        await attempt(system, first.id, outcome)
    await owe(system, 1)
    assert len(await system.deliveries.find_due()) == 1


async def test_nobody_closes_a_host_for_another(system: JobSystem) -> None:
    await fall_silent(system, "mallory")
    await owe(system, 1, "alice")
    (found,) = await system.deliveries.find_due()
    assert (found.owner, found.is_probe) == ("alice", False)


async def test_what_waits_for_a_silent_host_follows_its_plan_and_is_tried_in_the_end(
    system: JobSystem,
) -> None:
    await fall_silent(system)
    request = make_request(owner="alice", webhook_url=f"https://{HOST}/hook")
    job = await system.service.submit(request)
    await system.service.cancel(job.id, None)
    (before,) = await system.service.deliveries(job.id, None)
    await system.deliveries.postpone()
    (after,) = await system.service.deliveries(job.id, None)
    assert (after.status, after.tries) == (DeliveryStatus.PENDING, 1)
    assert (after.next_at - before.next_at).total_seconds() / PAUSE_S >= 1.0
    assert [each.status_code for each in after.attempts] == [None]
    assert "not tried" in str(after.attempts[0].problem)


async def test_the_last_attempt_is_always_made(system: JobSystem) -> None:
    await owe(system, 1)
    (found,) = await system.deliveries.find_due()
    await attempt(system, found.id, ANSWER, delay_s=0.0)
    claim_id = str(uuid.uuid4())
    assert await system.deliveries.claim(found.id, claim_id, 60.0)
    await fall_silent(system)
    # Its plan has two pauses: after its second attempt, one is left.
    second = Settlement(status=DeliveryStatus.PENDING, outcome=SILENCE)
    await system.deliveries.settle(found.id, claim_id, second)
    await system.deliveries.postpone()
    assert [each.id for each in await system.deliveries.find_due()] == [found.id]


async def test_sending_again_by_hand_trusts_the_host_again(system: JobSystem) -> None:
    await owe(system, 1)
    (found,) = await system.deliveries.find_due()
    claim_id = str(uuid.uuid4())
    await system.deliveries.claim(found.id, claim_id, 5.0)
    gave_up = Settlement(status=DeliveryStatus.GAVE_UP, outcome=SILENCE)
    await system.deliveries.settle(found.id, claim_id, gave_up)
    await fall_silent(system)
    await system.service.redeliver(found.id, "alice")
    assert found.id in [each.id for each in await system.deliveries.find_due()]


async def test_a_dead_workers_delivery_is_due_again(system: JobSystem) -> None:
    await owe(system, 1)
    (found,) = await system.deliveries.find_due()
    await system.deliveries.claim(found.id, str(uuid.uuid4()), lease_s=0.2)
    assert await system.deliveries.find_due() == []
    await asyncio.sleep(0.25)
    assert [each.id for each in await system.deliveries.find_due()] == [found.id]
