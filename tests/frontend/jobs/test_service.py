import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from frontend.errors import InvalidRequest, JobNotFound, Overloaded
from frontend.jobs.errors import JobConflict
from frontend.jobs.model import JobFile, JobResult, JobStatus, OutputFormat
from frontend.jobs.records import Claim, Ending, Heartbeat, JobFilter
from frontend.jobs.startup import JobSystem, JobSystemSettings, open_jobs
from frontend.sounds.request import GenerationRequest
from ops.stack.postgres import EmbeddedPostgres
from tests.frontend.database.server import new_empty_database
from tests.frontend.jobs.conftest import claim_job, make_request
from tests.frontend.jobs.job_settings import make_job_settings

UNKNOWN = "1e68e024-031d-4c36-a063-f04905d7f0d4"
RESULT = JobResult(
    files=(),
    seconds=1.0,
    sample_rate=16_000,
    model="starter",
    model_version="1",
    seed=7,
    steps=20,
    guidance_scale=5.0,
    notes=("extended",),
)


async def _complete(system: JobSystem, job_id: str) -> None:
    claim = await claim_job(system, job_id)
    assert await system.store.end(claim, Ending(status=JobStatus.COMPLETED, result=RESULT))


async def test_a_frontend_has_every_connection_warm_and_no_job_of_it(
    job_settings: JobSystemSettings,
) -> None:
    async with open_jobs(job_settings, {}, patience_s=5.0, accepts_at_once=True) as system:
        assert await system.store.page(JobFilter(), None, 1) == []
        assert (await system.store.load()).queued == 0
        async with await psycopg.AsyncConnection.connect(job_settings.database_url) as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'tritone' AND datname = current_database()"
            )
            assert await cursor.fetchone() == (job_settings.jobs.max_connections,)


async def test_a_submitted_job_is_queued_and_comes_back_as_it_was_asked(system: JobSystem) -> None:
    request = make_request(
        wanted=GenerationRequest(prompt="a 🌧 and a half \ud83c", seed=3, loop=True),
        formats=(OutputFormat(name="mp3", bit_rate=128_000), OutputFormat(name="wav")),
        labels={"user_id": "u1"},
        owner="key1",
    )
    job = await system.service.submit(request)
    assert job.status is JobStatus.QUEUED
    assert uuid.UUID(job.id).version == 4
    found = await system.service.get(job.id, "key1")
    assert found.request == request
    assert found.position == 0
    assert (found.attempt, found.strikes, found.finished_at) == (0, 0, None)


@pytest.mark.parametrize("job_id", ["", "no", UNKNOWN, "\0", "{" + UNKNOWN])
async def test_an_unknown_job_is_not_found(system: JobSystem, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        await system.service.get(job_id, None)
    with pytest.raises(JobNotFound):
        await system.service.cancel(job_id, None)


async def test_a_job_of_another_owner_is_not_found(system: JobSystem) -> None:
    job = await system.service.submit(make_request(owner="alice"))
    for ask in (system.service.get, system.service.cancel, system.service.deliveries):
        with pytest.raises(JobNotFound):
            await ask(job.id, "bob")
    assert (await system.service.get(job.id, "alice")).status is JobStatus.QUEUED


async def test_a_repeated_idempotency_key_gives_the_same_job(system: JobSystem) -> None:
    request = make_request(idempotency_key="k", owner="alice")
    jobs = await asyncio.gather(*[system.service.submit(request) for _ in range(8)])
    assert len({job.id for job in jobs}) == 1
    other = await system.service.submit(make_request(idempotency_key="k", owner="bob"))
    assert other.id != jobs[0].id
    assert (await system.service.load.get()).queued <= 2


async def test_a_key_that_was_used_for_another_request_is_a_conflict(system: JobSystem) -> None:
    await system.service.submit(make_request(idempotency_key="k"))
    with pytest.raises(JobConflict):
        await system.service.submit(make_request(idempotency_key="k", contract="musicgpt"))


async def test_the_queue_position_counts_the_jobs_before(system: JobSystem) -> None:
    jobs = [await system.service.submit(make_request()) for _ in range(3)]
    assert [(await system.service.get(job.id, None)).position for job in jobs] == [0, 1, 2]
    await _complete(system, jobs[0].id)
    assert [(await system.service.get(job.id, None)).position for job in jobs] == [None, 0, 1]


async def test_a_full_queue_refuses(job_settings: JobSystemSettings, system: JobSystem) -> None:
    jobs = job_settings.jobs.model_copy(update={"max_queued": 1})
    small = replace(job_settings, jobs=jobs)
    await system.service.submit(make_request())
    async with open_jobs(small, {}, patience_s=5.0) as other:
        with pytest.raises(Overloaded) as error:
            await other.service.submit(make_request())
    assert error.value.retry_after_s > 0


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"webhook_url": "http://10.0.0.1/"}, id="private-address"),
        pytest.param({"webhook_url": "ftp://example.com/"}, id="scheme"),
        pytest.param({"labels": {"user_id": "a\0b"}}, id="nul-label"),
        pytest.param({"labels": {"user_id": "\ud800"}}, id="surrogate-label"),
        pytest.param({"labels": {"user_id": "x" * 2000}}, id="long-label"),
        pytest.param({"idempotency_key": "k\0"}, id="nul-key"),
    ],
)
async def test_what_cannot_be_kept_or_delivered_is_refused(
    system: JobSystem, changes: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest):
        await system.service.submit(make_request(**changes))


async def test_a_receiver_whose_name_does_not_resolve_is_no_reason_to_refuse(
    system: JobSystem,
) -> None:
    request = make_request(webhook_url="https://no-such-host.example.com/hook")
    assert (await system.service.submit(request)).status is JobStatus.QUEUED


async def test_jobs_are_listed_page_by_page_in_both_orders(system: JobSystem) -> None:
    ids = [(await system.service.submit(make_request(owner="a"))).id for _ in range(5)]
    await system.service.submit(make_request(owner="b"))
    seen: list[str] = []
    cursor = None
    while True:
        page = await system.service.list(JobFilter(owner="a"), cursor, limit=2)
        seen += [job.id for job in page.jobs]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == ids[::-1]
    oldest = await system.service.list(JobFilter(owner="a", oldest_first=True), None, limit=2)
    assert [job.id for job in oldest.jobs] == ids[:2]
    then = await system.service.list(JobFilter(owner="a", oldest_first=True), oldest.cursor)
    assert [job.id for job in then.jobs] == ids[2:]


async def test_jobs_are_listed_by_contract_status_label_and_time(system: JobSystem) -> None:
    first = await system.service.submit(make_request(labels={"user_id": "u1", "x": "y"}))
    second = await system.service.submit(make_request(contract="musicgpt"))
    await system.service.cancel(second.id, None)
    now = datetime.now(UTC)
    for which, expected in [
        (JobFilter(labels={"user_id": "u1"}), [first.id]),
        (JobFilter(labels={"user_id": "u2"}), []),
        (JobFilter(contract="musicgpt"), [second.id]),
        (JobFilter(statuses=(JobStatus.CANCELLED, JobStatus.ERROR)), [second.id]),
        (JobFilter(statuses=()), []),
        (JobFilter(created_from=now - timedelta(minutes=1)), [second.id, first.id]),
        (JobFilter(created_until=now - timedelta(minutes=1)), []),
    ]:
        assert [job.id for job in (await system.service.list(which)).jobs] == expected


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1" * 30, "１"])
async def test_a_foreign_cursor_is_refused(system: JobSystem, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        await system.service.list(JobFilter(), cursor)


async def test_a_queued_job_is_cancelled_at_once_and_never_runs(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    cancelled = await system.service.cancel(job.id, None)
    assert cancelled.status is JobStatus.CANCELLED
    assert cancelled.finished_at is not None
    assert await system.store.claim_next(str(uuid.uuid4()), "here") is None


async def test_the_worker_of_a_running_job_is_told_to_cancel(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    claim = await claim_job(system, job.id)
    assert await system.store.renew([Heartbeat(claim=claim)]) == {job.id: False}
    asked = await system.service.cancel(job.id, None)
    assert asked.status is JobStatus.RUNNING
    assert asked.cancel_requested
    assert await system.store.renew([Heartbeat(claim=claim)]) == {job.id: True}


async def test_cancelling_a_job_that_is_over_changes_nothing(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    await _complete(system, job.id)
    assert (await system.service.cancel(job.id, None)).status is JobStatus.COMPLETED


async def test_events_show_every_change_until_the_end(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    seen: list[tuple[JobStatus, int | None]] = []

    claim: Claim | None = None
    async with asyncio.timeout(10):
        async for each in await system.service.events(job.id, None):  # each change waits for us
            seen.append((each.status, each.steps_done))
            if claim is None:
                claim = await claim_job(system, job.id)
            elif each.steps_done is None:
                await system.store.renew([Heartbeat(claim=claim, steps_done=1, steps=2)])
            elif not each.is_over:
                ending = Ending(status=JobStatus.COMPLETED, result=RESULT)
                await system.store.end(claim, ending)
    assert seen == [
        (JobStatus.QUEUED, None),
        (JobStatus.RUNNING, None),
        (JobStatus.RUNNING, 1),
        (JobStatus.COMPLETED, 2),
    ]


async def test_the_eta_is_a_whole_number_that_grows_with_the_queue(system: JobSystem) -> None:
    empty = await system.service.load.eta_s()
    jobs = [await system.service.submit(make_request()) for _ in range(4)]
    full = await system.service.load.eta_s()
    assert isinstance(full, int)
    assert full == 5 * empty
    first = await system.service.get(jobs[0].id, None)
    last = await system.service.get(jobs[-1].id, None)
    assert await system.service.load.eta_s(first) < await system.service.load.eta_s(last)
    await _complete(system, first.id)
    assert await system.service.load.eta_s(await system.service.get(first.id, None)) == 0


async def test_files_of_a_completed_job_are_in_its_result(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    key = await system.files.put(b"RIFF", "wav")
    file = JobFile(key=key, format="wav", media_type="audio/wav", n_bytes=4)
    result = JobResult.from_json({**_fields(RESULT), "files": [_fields(file)]})
    claim = await claim_job(system, job.id)
    await system.store.end(claim, Ending(status=JobStatus.COMPLETED, result=result))
    found = await system.service.get(job.id, None)
    assert found.result == result
    assert found.steps_done == found.steps


def _fields(value: object) -> dict[str, object]:
    names = type(value).__slots__  # type: ignore[attr-defined]
    return {name: getattr(value, name) for name in names}


async def test_two_frontends_share_the_secrets_of_one_database(
    job_settings: JobSystemSettings, system: JobSystem
) -> None:
    async with open_jobs(job_settings, {}, patience_s=5.0) as other:
        key = await system.files.put(b"x", "wav")
        token = (await system.files.url(key)).rpartition("/")[2]
        assert other.files.key_of(token) == key
        assert other.webhook_secrets("a") == system.webhook_secrets("a")
        assert other.webhook_secrets("a") != other.webhook_secrets("b")


async def test_many_processes_may_open_a_new_database_at_once(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    job_settings = make_job_settings(new_empty_database(postgres), tmp_path / "files")

    async def open_once() -> str:
        async with open_jobs(job_settings, {}, patience_s=10.0) as system:
            return (await system.service.submit(make_request())).id

    assert len(set(await asyncio.gather(*[open_once() for _ in range(4)]))) == 4


async def test_only_a_job_that_is_over_is_deleted_and_only_by_its_owner(system: JobSystem) -> None:
    job = await system.service.submit(make_request(owner="key1"))
    with pytest.raises(JobNotFound):
        await system.service.delete(job.id, "key1")
    await _complete(system, job.id)
    for job_id, owner in ((job.id, "key2"), ("no", None)):
        with pytest.raises(JobNotFound):
            await system.service.delete(job_id, owner)
    await system.service.delete(job.id, "key1")
    with pytest.raises(JobNotFound):
        await system.service.get(job.id, None)
