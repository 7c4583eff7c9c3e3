"""Whatever one key does that is legal, another one's p95 at most doubles."""

import asyncio

import pytest

from frontend.jobs.model import JobStatus
from frontend.jobs.startup import JobSystem
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.neighbours import Latencies, run_neighbours
from tests.frontend.jobs.test_worker import ended, working

MOST = 2.0  # times what it is alone
NOISE_S = 0.1  # of a busy machine: less than that is no latency of ours


def assert_at_most_doubled(noisy: Latencies, alone: Latencies) -> None:
    assert noisy.jobs_s <= max(MOST * alone.jobs_s, NOISE_S), (noisy, alone)
    assert noisy.sounds_s <= max(MOST * alone.sounds_s, NOISE_S), (noisy, alone)


@pytest.mark.drill
@pytest.mark.timeout(1200)
async def test_ten_thousand_jobs_and_three_hundred_streams_leave_the_p95_alone() -> None:
    outcome = await run_neighbours(n_jobs=10_000, n_streams=300, n_requests=200)
    print(outcome)  # noqa: T201 -- the drills show their figures
    assert_at_most_doubled(outcome.beside_jobs, outcome.alone)
    assert_at_most_doubled(outcome.beside_streams, outcome.alone)


async def test_one_job_behind_another_keys_three_hundred_begins_at_once(system: JobSystem) -> None:
    maker = SleepingMaker(seconds=0.05)
    loud = make_request(owner="loud", formats=())
    await asyncio.gather(*[system.service.submit(loud) for _ in range(300)])
    async with working(system, maker, drain_s=0.0):
        await maker.until_begun(8)
        n_before = len(maker.began)
        job = await system.service.submit(make_request(owner="quiet", formats=()))
        over = await ended(system, job, 30.0)
    assert over.status is JobStatus.COMPLETED
    # Those that were running already, and the ones begun while it was being submitted.
    assert maker.began.index(job.id) <= n_before + 3 * system.settings.jobs.concurrency
