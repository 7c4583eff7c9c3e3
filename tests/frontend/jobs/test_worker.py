import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from procrastinate.connector import Notify
from standardwebhooks import Webhook

from frontend.database.connector import PatientConnector
from frontend.errors import BackendUnavailable, GenerationFailed, InvalidRequest, JobNotFound
from frontend.jobs.model import Job, JobStatus, OutputFormat
from frontend.jobs.result_maker import Maker
from frontend.jobs.startup import JobSystem, JobSystemSettings, open_jobs
from frontend.jobs.worker import Worker
from frontend.webhooks.model import DeliveryStatus
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.job_settings import make_job_settings
from tests.frontend.jobs.receiver import receiving


@asynccontextmanager
async def working(system: JobSystem, maker: Maker, drain_s: float = 5.0) -> AsyncIterator[None]:
    """Run a worker in this process."""
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(system, maker, drain_s).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)


async def ended(system: JobSystem, job: Job, timeout_s: float = 10.0) -> Job:
    """Wait for a job's end."""
    async with asyncio.timeout(timeout_s):
        async for each in await system.service.events(job.id, None):
            last = each
    return last


async def until(is_true: Callable[[], Awaitable[bool]], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await is_true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_job_is_made_in_every_format_asked_for(system: JobSystem) -> None:
    request = make_request(formats=(OutputFormat(name="mp3"), OutputFormat(name="wav")))
    async with working(system, SleepingMaker()):
        job = await ended(system, await system.service.submit(request))
    assert job.status is JobStatus.COMPLETED
    assert job.result is not None
    assert [file.format for file in job.result.files] == ["mp3", "wav"]
    for file in job.result.files:
        info = await system.files.head(file.key)
        assert (info.n_bytes, info.media_type) == (file.n_bytes, file.media_type)
    assert (job.attempt, job.strikes) == (1, 0)
    assert job.result.seconds == pytest.approx(0.1)


def look_rarely(settings: JobSystemSettings) -> JobSystemSettings:
    return replace(settings, jobs=settings.jobs.model_copy(update={"poll_s": 30.0}))


async def test_a_waiting_worker_is_woken_at_once(job_settings: JobSystemSettings) -> None:
    maker = SleepingMaker()
    async with open_jobs(look_rarely(job_settings), {}, 5.0) as system, working(system, maker):
        await asyncio.sleep(0.5)
        await system.service.submit(make_request())

        await maker.until_begun(timeout_s=10.0)  # long before the next look, in 30 s


async def test_a_job_that_came_before_a_worker_listened_is_begun_at_once(
    job_settings: JobSystemSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_listen = asyncio.Event()
    listen = PatientConnector.listen_notify

    async def listen_later(
        self: PatientConnector, on_notification: Notify, channels: Iterable[str]
    ) -> None:
        await may_listen.wait()
        await listen(self, on_notification, channels)

    monkeypatch.setattr(PatientConnector, "listen_notify", listen_later)
    maker = SleepingMaker()
    async with open_jobs(look_rarely(job_settings), {}, 5.0) as system, working(system, maker):
        await asyncio.sleep(0.5)  # its first look has found nothing
        await system.service.submit(make_request())
        may_listen.set()

        await maker.until_begun(timeout_s=10.0)


async def test_progress_is_written_down_while_a_job_runs(system: JobSystem) -> None:
    job = await system.service.submit(make_request())
    seen: set[int | None] = set()
    async with working(system, SleepingMaker(seconds=1.2)):
        async for each in await system.service.events(job.id, None):
            seen.add(each.steps_done)
    assert {1, 2, 3} <= seen


async def test_cancelling_a_running_job_stops_the_work(system: JobSystem) -> None:
    maker = SleepingMaker(seconds=30)
    job = await system.service.submit(make_request())
    async with working(system, maker):

        async def runs() -> bool:
            return (await system.service.get(job.id, None)).status is JobStatus.RUNNING

        await until(runs)
        await system.service.cancel(job.id, None)
        over = await ended(system, job, 3.0)
    assert over.status is JobStatus.CANCELLED
    assert maker.cancelled == [job.id]


async def test_a_refused_request_ends_in_error_at_once(system: JobSystem) -> None:
    maker = SleepingMaker(errors=[InvalidRequest("Too long.", field="seconds")])
    async with working(system, maker):
        job = await ended(system, await system.service.submit(make_request()))
    assert job.status is JobStatus.ERROR
    assert job.failure is not None
    assert (job.failure.name, job.failure.message) == ("InvalidRequest", "Too long.")
    assert len(maker.began) == 1


@pytest.mark.parametrize(
    "error", [GenerationFailed("The model failed."), RuntimeError("secret of ours")]
)
async def test_a_job_that_fails_every_time_ends_in_error(
    job_settings: JobSystemSettings, error: Exception
) -> None:
    jobs = job_settings.jobs.model_copy(update={"max_attempts": 2})
    changed = replace(job_settings, jobs=jobs)
    maker = SleepingMaker(errors=[error] * 5)
    async with open_jobs(changed, {}, 5.0) as system, working(system, maker):
        job = await ended(system, await system.service.submit(make_request()))
    assert job.status is JobStatus.ERROR
    assert len(maker.began) == 2
    assert job.failure is not None
    assert job.failure.name == "GenerationFailed"
    assert "secret" not in job.failure.message


async def test_a_job_waits_for_triton_to_come_back(system: JobSystem) -> None:
    maker = SleepingMaker(errors=[BackendUnavailable("Triton is away.")])
    async with working(system, maker):
        job = await ended(system, await system.service.submit(make_request()))
    assert job.status is JobStatus.COMPLETED
    assert (job.attempt, job.strikes) == (2, 0)


async def test_patience_with_triton_ends(job_settings: JobSystemSettings) -> None:
    jobs = job_settings.jobs.model_copy(update={"patience_s": 0.0})
    changed = replace(job_settings, jobs=jobs)
    maker = SleepingMaker(errors=[BackendUnavailable("Triton is away.")])
    async with open_jobs(changed, {}, 5.0) as system, working(system, maker):
        job = await ended(system, await system.service.submit(make_request()))
    assert job.failure is not None
    assert job.failure.name == "BackendUnavailable"


async def test_a_stopping_worker_finishes_what_it_can_and_gives_back_the_rest(
    system: JobSystem,
) -> None:
    maker = SleepingMaker(seconds=0.6)
    short = await system.service.submit(make_request())
    async with working(system, maker, drain_s=3.0):
        await maker.until_begun()
    assert (await system.service.get(short.id, None)).status is JobStatus.COMPLETED

    maker = SleepingMaker(seconds=60)
    long = await system.service.submit(make_request())
    async with working(system, maker, drain_s=0.2):
        await maker.until_begun()
    given_back = await system.service.get(long.id, None)
    assert given_back.status is JobStatus.QUEUED
    assert (given_back.attempt, given_back.strikes) == (1, 0)
    async with working(system, SleepingMaker()):
        assert (await ended(system, long)).status is JobStatus.COMPLETED


async def test_the_webhook_arrives_signed_with_links_that_work(system: JobSystem) -> None:
    async with receiving() as receiver, working(system, SleepingMaker()):
        request = make_request(webhook_url=receiver.url, owner="alice", labels={"user_id": "7"})
        job = await ended(system, await system.service.submit(request))
        await receiver.until(lambda each: bool(each.bodies))
    (secret,) = system.webhook_secrets("alice")
    payload = Webhook(secret).verify(receiver.bodies[0], receiver.headers[0])
    assert payload["type"] == "job.completed"
    assert payload["data"]["id"] == job.id
    assert payload["data"]["labels"] == {"user_id": "7"}
    token = payload["data"]["result"]["files"][0]["url"].rpartition("/")[2]
    assert (await system.files.head(system.files.key_of(token))).media_type == "audio/wav"
    assert "rain" not in receiver.bodies[0].decode()


async def test_both_secrets_sign_while_receivers_change_over(
    database_url: str, tmp_path: Path
) -> None:
    secrets = {"secret": "n" * 32, "previous_secret": "o" * 32}
    job_settings = make_job_settings(database_url, tmp_path, webhooks=secrets)
    async with open_jobs(job_settings, {}, 5.0) as system:
        async with receiving() as receiver, working(system, SleepingMaker()):
            await system.service.submit(make_request(webhook_url=receiver.url))
            await receiver.until(lambda each: bool(each.bodies))
        assert len(system.webhook_secrets("")) == 2
        for secret in system.webhook_secrets(""):
            Webhook(secret).verify(receiver.bodies[0], receiver.headers[0])


async def test_a_webhook_is_retried_with_the_same_id_and_logged(system: JobSystem) -> None:
    async with receiving(statuses=[503, 302]) as receiver, working(system, SleepingMaker()):
        job = await system.service.submit(make_request(webhook_url=receiver.url))
        await receiver.until(lambda each: bool(each.accepted))

        async def settled() -> bool:
            found = await system.service.deliveries(job.id, None)
            return bool(found) and found[0].status is not DeliveryStatus.PENDING

        await until(settled)
    (delivery,) = await system.service.deliveries(job.id, None)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert [each.status_code for each in delivery.attempts] == [503, 302, 204]
    assert [each.problem for each in delivery.attempts] == ["answered 503", "answered 302", None]
    assert {head["webhook-id"] for head in receiver.headers} == {delivery.id}
    assert len(set(receiver.bodies)) == 1


async def test_a_webhook_gives_up_after_its_schedule_and_can_be_sent_again(
    system: JobSystem,
) -> None:
    async with receiving(statuses=[500] * 4) as receiver, working(system, SleepingMaker()):
        job = await system.service.submit(make_request(webhook_url=receiver.url, owner="alice"))

        async def gave_up() -> bool:
            found = await system.service.deliveries(job.id, None)
            return bool(found) and found[0].status is DeliveryStatus.GAVE_UP

        await until(gave_up)
        assert (await system.service.get(job.id, None)).status is JobStatus.COMPLETED
        (delivery,) = await system.service.deliveries(job.id, "alice")
        assert len(delivery.attempts) == 4
        with pytest.raises(JobNotFound):
            await system.service.redeliver(delivery.id, "bob")
        await system.service.redeliver(delivery.id, "alice")
        await receiver.until(lambda each: bool(each.accepted))
    assert set(receiver.accepted) == {delivery.id}


async def test_a_receiver_that_is_gone_is_left_alone(system: JobSystem) -> None:
    async with receiving(statuses=[410]) as receiver, working(system, SleepingMaker()):
        job = await system.service.submit(make_request(webhook_url=receiver.url))
        await receiver.until(lambda each: bool(each.bodies))

        async def settled() -> bool:
            found = await system.service.deliveries(job.id, None)
            return bool(found) and found[0].status is not DeliveryStatus.PENDING

        await until(settled)
    (delivery,) = await system.service.deliveries(job.id, None)
    assert delivery.status is DeliveryStatus.GAVE_UP
    assert len(receiver.bodies) == 1


async def test_every_kind_of_end_is_announced(system: JobSystem) -> None:
    async with receiving() as receiver:
        request = make_request(webhook_url=receiver.url)
        cancelled = await system.service.submit(request)
        await system.service.cancel(cancelled.id, None)
        maker = SleepingMaker(errors=[InvalidRequest("No.")])
        async with working(system, maker):
            await system.service.submit(request)
            await receiver.until(lambda each: len(each.bodies) == 2)
    assert {payload["type"] for payload in receiver.payloads()} == {"job.cancelled", "job.error"}


async def test_a_contract_has_its_own_body_and_a_broken_one_falls_back(
    job_settings: JobSystemSettings,
) -> None:
    def broken(_job: Job, _urls: object) -> dict[str, object]:
        raise KeyError("no")

    bodies = {"musicgpt": lambda job, _urls: {"task_id": job.id}, "broken": broken}
    async with (
        open_jobs(job_settings, bodies, 5.0) as system,
        receiving() as receiver,
        working(system, SleepingMaker()),
    ):
        for contract in bodies:
            request = make_request(webhook_url=receiver.url, contract=contract)
            await ended(system, await system.service.submit(request))
        await receiver.until(lambda each: len(each.bodies) == 2)
    shapes = sorted(sorted(json.loads(body)) for body in receiver.bodies)
    assert shapes == [["data", "timestamp", "type"], ["task_id"]]


async def test_no_host_gets_more_than_its_share_at_once(database_url: str, tmp_path: Path) -> None:
    job_settings = make_job_settings(database_url, tmp_path, webhooks={"per_host": 2})
    async with (
        open_jobs(job_settings, {}, 5.0) as system,
        receiving(delay_s=0.1) as receiver,
        working(system, SleepingMaker()),
    ):
        request = make_request(webhook_url=receiver.url)
        await asyncio.gather(*[system.service.submit(request) for _ in range(12)])
        await receiver.until(lambda each: len(each.bodies) == 12)
    assert receiver.most_at_once <= 2
    assert len(receiver.accepted) == 12
