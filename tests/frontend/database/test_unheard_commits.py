"""A connection that is lost after a commit, before its answer: what was done is done once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from frontend.database.connections import make_pool
from frontend.database.database import Database, T, Work
from frontend.database.queries import Connection
from frontend.errors import JobNotFound, Overloaded
from frontend.jobs import startup
from frontend.jobs.model import JobStatus
from frontend.jobs.startup import JobSystem, open_jobs
from frontend.keys.limits import Limiter
from frontend.keys.model import Key, KeyLimits, KeyReport, UsageBatch
from frontend.keys.store import KeyStore
from frontend.keys.usage import Usage
from tests.frontend.jobs.conftest import claim_job, make_request
from tests.frontend.jobs.job_settings import make_job_settings


class Unheard(Database):
    """Loses the connection after every first commit: all work is run twice."""

    async def run(self, work: Work[T], *, answer_timeout_s: float | None = None) -> T:
        is_first = True

        async def lose_first(connection: Connection) -> T:
            nonlocal is_first
            found = await work(connection)
            if is_first:
                is_first = False
                raise psycopg.OperationalError("the connection is lost")
            return found

        return await super().run(lose_first, answer_timeout_s=answer_timeout_s)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[KeyStore]:
    database = Unheard(make_pool(database_url, 2, durable=True), patience_s=5.0)
    await database.open()
    yield KeyStore(database)
    await database.close()


@pytest.fixture
async def system(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[JobSystem]:
    monkeypatch.setattr(startup, "Database", Unheard)
    async with open_jobs(make_job_settings(database_url, tmp_path), {}, patience_s=5.0) as system:
        yield system


async def _keep(store: KeyStore, **limits: float) -> Key:
    key = Key(id="k", name="test", digest=b"d", limits=KeyLimits(**limits))  # type: ignore[arg-type]
    await store.insert(key, b"p")
    return key


async def _report(store: KeyStore) -> KeyReport:
    (report,) = await store.reports()
    return report


async def test_usage_counts_once(store: KeyStore) -> None:
    await _keep(store)
    usage = Usage(store)
    for n_before in range(3):
        usage.add("k", requests=1, sound_seconds=2.0)
        await usage.flush()
        report = await _report(store)
        assert (report.requests, report.sound_seconds) == (n_before + 1, 2.0 * (n_before + 1))


async def test_usage_counts_once_where_the_end_comes_between_a_commit_and_its_answer(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _keep(store)
    is_written = asyncio.Event()
    count = KeyStore.count

    async def write_and_wait(store: KeyStore, batch: UsageBatch) -> None:
        await count(store, batch)
        if not is_written.is_set():
            is_written.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(KeyStore, "count", write_and_wait)
    usage = Usage(store, period_s=0.01)
    usage.add("k", requests=1)
    usage.start()
    await is_written.wait()
    usage.add("k", requests=1)
    await usage.stop()
    assert (await _report(store)).requests == 2


@pytest.mark.parametrize(
    "limits", [{"max_in_flight": 1}, {"rate_per_minute": 1}, {"rate_per_minute": 1, "burst": 2}]
)
async def test_a_request_takes_one_place_of_its_limits(
    store: KeyStore, limits: dict[str, float]
) -> None:
    key, limiter = await _keep(store, **limits), Limiter(store, 60.0)
    for _ in range(int(limits.get("burst", 1)) - 1):
        async with limiter.visit(key):
            pass
    async with limiter.visit(key):
        with pytest.raises(Overloaded):
            async with limiter.visit(key):
                raise AssertionError("there is no place left")


async def test_a_job_is_accepted_and_claimed_once(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    await claim_job(system, job.id)
    assert await system.store.claim_next(str(uuid.uuid4()), "another") is None
    with pytest.raises(JobNotFound):
        await system.store.delete(job.id, None)  # it still runs


async def test_a_job_that_is_over_is_cancelled_told_and_deleted_once(system: JobSystem) -> None:
    job = await system.service.submit(make_request(webhook_url="https://example.com/hook"))
    assert (await system.service.cancel(job.id, None)).status is JobStatus.CANCELLED
    (delivery,) = await system.service.deliveries(job.id, None)
    with pytest.raises(JobNotFound):
        await system.deliveries.restart(delivery.id, None)  # it is on its way
    await system.store.delete(job.id, None)
    with pytest.raises(JobNotFound):
        await system.service.get(job.id, None)


async def test_a_webhook_is_sent_again_without_an_error(system: JobSystem) -> None:
    job = await system.service.submit(make_request(webhook_url="https://example.com/hook"))
    await system.service.cancel(job.id, None)
    (delivery,) = await system.service.deliveries(job.id, None)
    async with await psycopg.AsyncConnection.connect(
        system.settings.database_url, autocommit=True
    ) as connection:
        await connection.execute("UPDATE tritone_deliveries SET status = 'gave_up'")
    assert (await system.deliveries.restart(delivery.id, None)).id == delivery.id
