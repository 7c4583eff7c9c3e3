import asyncio

from frontend.errors import GenerationFailed
from frontend.jobs.gauges import JobGauges
from frontend.jobs.model import JobStatus
from frontend.jobs.startup import JobSystem
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.receiver import receiving
from tests.frontend.jobs.test_worker import ended, working


def counted(system: JobSystem, name: str, **labels: str) -> float:
    return system.metrics.registry.get_sample_value(name, labels) or 0.0


async def gauges_of(system: JobSystem) -> dict[tuple[str, ...], float]:
    gauges = JobGauges()
    await gauges.refresh(system)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in gauges.collect()
        for sample in family.samples
    }


async def test_the_database_is_shown(system: JobSystem) -> None:
    for _ in range(3):
        await system.service.submit(make_request())
    await asyncio.sleep(0.05)
    found = await gauges_of(system)
    assert found["tritone_job_database_up",] == 1
    assert found["tritone_jobs", "queued"] == 3
    assert found["tritone_jobs", "running"] == 0
    assert 0.05 <= found["tritone_jobs_queue_age_seconds",] < 60
    assert found["tritone_webhooks_pending",] == found["tritone_webhooks_delay_seconds",] == 0
    assert found["tritone_job_consumers",] == 0
    maker = SleepingMaker(seconds=30.0)
    async with working(system, maker, drain_s=0.0):
        await maker.until_begun(3)
        found = await gauges_of(system)
        assert (found["tritone_jobs", "queued"], found["tritone_jobs", "running"]) == (0, 3)
        assert found["tritone_jobs_queue_age_seconds",] == 0
        assert found["tritone_job_consumers",] == 1


async def test_ends_and_deliveries_are_counted(system: JobSystem) -> None:
    async with receiving(statuses=[503]) as receiver, working(system, SleepingMaker()):
        job = await system.service.submit(make_request(webhook_url=receiver.url))
        assert (await ended(system, job)).status is JobStatus.COMPLETED
        async with asyncio.timeout(20):
            name = "tritone_webhook_attempts_total"
            while not counted(system, name, outcome="delivered"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    done = {"contract": "aimlapi", "status": "completed"}
    assert counted(system, "tritone_jobs_ended_total", **done) == 1
    assert counted(system, "tritone_job_duration_seconds_count", contract="aimlapi") == 1
    assert counted(system, "tritone_webhook_attempts_total", outcome="retried") == 1
    assert counted(system, "tritone_webhook_attempt_duration_seconds_count") == 2


async def test_a_cancelled_job_is_counted_where_it_was_cancelled(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    for _ in range(2):
        await system.service.cancel(job.id, None)
    cancelled = {"contract": "aimlapi", "status": "cancelled"}
    assert counted(system, "tritone_jobs_ended_total", **cancelled) == 1


async def test_attempts_in_vain_are_counted(system: JobSystem) -> None:
    maker = SleepingMaker(errors=[GenerationFailed("no")])
    async with working(system, maker):
        job = await ended(system, await system.service.submit(make_request()))
    assert job.status is JobStatus.COMPLETED
    assert counted(system, "tritone_jobs_requeued_total", reason="attempt_failed") == 1
