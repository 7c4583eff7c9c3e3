import asyncio
import uuid
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from frontend.errors import BackendUnavailable, FileNotFound, JobNotFound
from frontend.jobs.cleanup import purge, sweep
from frontend.jobs.model import JobFailure, JobStatus
from frontend.jobs.records import Claim, Ending, Heartbeat, Recovered
from frontend.jobs.startup import JobSystem, JobSystemSettings, NoDatabase, open_jobs
from frontend.webhooks.model import DeliveryStatus
from tests.frontend.jobs.conftest import claim_job, make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.job_settings import make_job_settings
from tests.frontend.jobs.receiver import receiving
from tests.frontend.jobs.test_worker import ended, working

LONG_AGO = "now() - interval '30 days'"


def _execute(job_settings: JobSystemSettings, statement: str) -> None:
    with psycopg.connect(job_settings.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
async def settled(system: JobSystem, monkeypatch: pytest.MonkeyPatch) -> JobSystem:
    # The server of these tests has only just been started.
    monkeypatch.setattr("frontend.jobs.recovery._RECONNECT_S", -1000.0)
    return system


async def _abandoned(system: JobSystem, job_id: str) -> Claim:
    claim = await claim_job(system, job_id, "dead")
    _execute(system.settings, f"UPDATE tritone_jobs SET lease_until = {LONG_AGO}")
    return claim


async def test_the_job_of_a_dead_worker_is_queued_again(settled: JobSystem) -> None:
    job = await settled.service.submit(make_request())
    claim = await _abandoned(settled, job.id)
    assert await settled.recovery.recover(3) == Recovered(requeued=1)
    again = await settled.service.get(job.id, None)
    assert (again.status, again.strikes) == (JobStatus.QUEUED, 1)
    # The dead are not heard any more.
    assert await settled.store.renew([Heartbeat(claim=claim)]) == {}
    assert await settled.store.end(claim, Ending(status=JobStatus.CANCELLED)) is None
    assert await settled.store.requeue(claim, 0.0, 0) is None


async def test_a_cancelled_job_of_a_dead_worker_is_cancelled(settled: JobSystem) -> None:
    job = await settled.service.submit(make_request())
    await _abandoned(settled, job.id)
    await settled.service.cancel(job.id, None)
    assert await settled.recovery.recover(3) == Recovered(ended=1)
    assert (await settled.service.get(job.id, None)).status is JobStatus.CANCELLED


async def test_attempts_are_bounded_and_the_last_one_is_announced(settled: JobSystem) -> None:
    request = make_request(webhook_url="https://example.com/hook")
    job = await settled.service.submit(request)
    for n in range(3):
        await _abandoned(settled, job.id)
        found = await settled.recovery.recover(3)
        assert found == (Recovered(ended=1) if n == 2 else Recovered(requeued=1))
    over = await settled.service.get(job.id, None)
    assert over.status is JobStatus.ERROR
    assert over.failure == JobFailure(
        name="GenerationFailed", message="The sound could not be made."
    )
    (delivery,) = await settled.service.deliveries(job.id, None)
    assert (delivery.event, delivery.status) == ("job.error", DeliveryStatus.PENDING)


async def test_nobody_is_taken_for_dead_right_after_the_database_came_back(
    system: JobSystem, job_settings: JobSystemSettings
) -> None:
    # The server of these tests was started this day: that is when it "came back".
    slow = replace(job_settings, jobs=job_settings.jobs.model_copy(update={"lease_s": 86_400.0}))
    job = await system.service.submit(make_request())
    async with open_jobs(slow, {}, 5.0) as other:
        await _abandoned(system, job.id)
        assert await other.recovery.recover(3) == Recovered()


async def test_a_queued_job_without_a_task_is_woken(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    _execute(system.settings, "DELETE FROM procrastinate_jobs")
    _execute(
        system.settings,
        f"UPDATE tritone_jobs SET updated_at = {LONG_AGO}, not_before = {LONG_AGO}",
    )
    assert await system.recovery.recover(3) == Recovered(forgotten=1)
    assert await system.recovery.recover(3) == Recovered()  # its task waits now
    async with working(system, SleepingMaker()):
        assert (await ended(system, job)).status is JobStatus.COMPLETED


async def test_a_webhook_without_a_task_is_woken(system: JobSystem) -> None:
    async with receiving() as receiver:
        job = await system.service.submit(make_request(webhook_url=receiver.url))
        await system.service.cancel(job.id, None)
        _execute(system.settings, "DELETE FROM procrastinate_jobs")
        _execute(system.settings, f"UPDATE tritone_deliveries SET next_at = {LONG_AGO}")
        await sweep(system)
        async with working(system, SleepingMaker()):
            await receiver.until(lambda each: bool(each.accepted))


async def test_old_jobs_go_with_their_files_and_webhooks_and_young_ones_stay(
    system: JobSystem,
) -> None:
    async with receiving() as receiver, working(system, SleepingMaker()):
        request = make_request(webhook_url=receiver.url)
        old = await ended(system, await system.service.submit(request))
        young = await ended(system, await system.service.submit(request))
        await receiver.until(lambda each: len(each.accepted) == 2)
    _execute(
        system.settings, f"UPDATE tritone_jobs SET finished_at = {LONG_AGO} WHERE id = '{old.id}'"
    )
    await purge(system)
    with pytest.raises(JobNotFound):
        await system.service.get(old.id, None)
    assert (await system.service.get(young.id, None)).status is JobStatus.COMPLETED
    assert old.result is not None
    assert young.result is not None
    with pytest.raises(FileNotFound):
        await system.files.head(old.result.files[0].key)
    await system.files.head(young.result.files[0].key)


async def test_a_full_claim_may_be_repeated_after_a_lost_answer(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    claim_id = str(uuid.uuid4())
    first = await system.store.claim_next(claim_id, "me")
    second = await system.store.claim_next(claim_id, "me")
    assert first is not None
    assert second is not None
    assert first.id == second.id == job.id
    assert (first.attempt, second.attempt) == (1, 1)
    assert await system.store.claim_next(str(uuid.uuid4()), "somebody else") is None


async def test_a_job_ends_exactly_once(system: JobSystem) -> None:
    request = make_request(webhook_url="https://example.com/hook")
    job = await system.service.submit(request)
    claim = await claim_job(system, job.id)
    endings = [Ending(status=JobStatus.CANCELLED), Ending(status=JobStatus.ERROR)] * 4
    found = await asyncio.gather(*[system.store.end(claim, each) for each in endings])
    assert sum(each is not None for each in found) == 1
    assert len(await system.service.deliveries(job.id, None)) == 1


async def test_a_database_that_is_away_is_unavailable_in_time(tmp_path: Path) -> None:
    job_settings = make_job_settings("postgresql://nobody@127.0.0.1:9/none", tmp_path)
    with pytest.raises(BackendUnavailable):
        async with open_jobs(job_settings, {}, patience_s=0.5):
            pass


async def test_jobs_without_a_database_say_which_variable_is_missing(tmp_path: Path) -> None:
    job_settings = make_job_settings("", tmp_path, jobs={"database_url": None})
    with pytest.raises(NoDatabase, match="TRITONE_JOBS__DATABASE_URL"):
        async with open_jobs(job_settings, {}, patience_s=0.5):
            pass
