"""Whatever the webhooks of one key do, those of another, and its jobs, take at most twice as long.

Only the network is not real: `FakeNetwork` stands for receivers, a silent name server for names.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from frontend.jobs.model import Job, OutputFormat
from frontend.jobs.startup import JobSystem, open_jobs
from frontend.jobs.worker import Worker
from frontend.webhooks.model import AttemptOutcome
from frontend.webhooks.resolver import Resolver
from frontend.webhooks.sending import Sender
from frontend.webhooks.urls import get_host
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.fake_maker import SleepingMaker
from tests.frontend.jobs.job_settings import make_job_settings
from tests.frontend.webhooks.name_server import silent_name_server

N_QUIET = 12
RECEIVER_S = 0.25  # that a receiver takes to answer
TIMEOUT_S = 5.0  # that a silent host takes
QUIET_URL = "http://quiet.example.com/hook"


class FakeNetwork:
    """Hosts named `silent…` never answer, the others do so after a moment."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}  # by the webhook's id
        self.attempts: list[str] = []  # hosts

    async def send(self, url: str, headers: dict[str, str], _body: bytes) -> AttemptOutcome:
        host = get_host(url)
        self.attempts.append(host)
        if host.startswith("silent"):
            await asyncio.sleep(TIMEOUT_S)
            return AttemptOutcome(status_code=None, problem="timed out", seconds=TIMEOUT_S)
        await asyncio.sleep(RECEIVER_S)
        self.arrived[headers["webhook-id"]] = time.time()
        return AttemptOutcome(status_code=204, problem=None, seconds=RECEIVER_S)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    network = FakeNetwork()

    async def send(
        _sender: object, url: str, headers: dict[str, str], body: bytes
    ) -> AttemptOutcome:
        return await network.send(url, headers, body)

    monkeypatch.setattr(Sender, "send", send)
    return network


@pytest.fixture
async def system(database_url: str, tmp_path: Path) -> AsyncIterator[JobSystem]:
    settings = make_job_settings(
        database_url,
        tmp_path / "files",
        webhooks={"schedule_s": [5.0, 300.0, 1800.0], "timeout_s": TIMEOUT_S},
    )
    async with open_jobs(settings, {}, patience_s=20.0) as system:
        yield system


@asynccontextmanager
async def working(system: JobSystem, maker: SleepingMaker) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(system, maker, drain_timeout_s=0.0).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


async def end_jobs(system: JobSystem, owner: str, urls: list[str]) -> list[Job]:
    """End a job for each URL, which owes it a webhook; return when the queue of jobs is empty."""

    async def end_job(url: str) -> Job:
        job = await system.service.submit(make_request(owner=owner, webhook_url=url))
        return await system.service.cancel(job.id, owner)

    jobs = await asyncio.gather(*map(end_job, urls))
    async with await psycopg.AsyncConnection.connect(
        system.settings.database_url, autocommit=True
    ) as connection:
        while True:
            cursor = await connection.execute("SELECT count(*) FROM procrastinate_jobs")
            row = await cursor.fetchone()
            if row == (0,):
                return jobs
            await asyncio.sleep(0.05)


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


async def webhook_p95_s(system: JobSystem, network: FakeNetwork) -> float:
    """Return how long the webhooks of a quiet key take."""
    jobs = await end_jobs(system, "quiet", [QUIET_URL] * N_QUIET)
    took: list[float] = []
    async with asyncio.timeout(60):
        for job in jobs:
            (delivery,) = await system.service.deliveries(job.id, None)
            while delivery.id not in network.arrived:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            took.append(network.arrived[delivery.id] - delivery.created_at.timestamp())
    return p95(took)


async def job_p95_s(system: JobSystem) -> float:
    """Return how long the jobs of a quiet key take."""

    async def made() -> float:
        began = time.monotonic()
        request = make_request(owner="quiet", formats=(OutputFormat(name="mp3"),))
        job = await system.service.submit(request)
        async for _ in await system.service.events(job.id, None):
            pass
        return time.monotonic() - began

    return p95([await made() for _ in range(N_QUIET)])


SILENT = [f"http://silent{n % 250}.example.com/" for n in range(600)]
NOISY = {
    "silent": SILENT,
    "one-dead-host": ["http://silent.example.com/"] * 600,
    "many": ["http://slow.example.com/"] * 600,
    "the-same-host": [QUIET_URL] * 600,
}


@pytest.mark.parametrize("urls", [SILENT[:200], NOISY["the-same-host"][:200]])
async def test_few_webhooks_of_a_noisy_key_go_before_those_of_another(
    system: JobSystem, network: FakeNetwork, urls: list[str]
) -> None:
    async with working(system, SleepingMaker()):
        await end_jobs(system, "noisy", urls)
        n_before = len(network.attempts)
        await webhook_p95_s(system, network)
        n_meanwhile = len(network.attempts) - n_before - N_QUIET
    # Those that were due first are 200: without turns they would all go before.
    assert n_meanwhile <= 3 * system.settings.webhooks.concurrency


@pytest.mark.drill
@pytest.mark.parametrize("urls", NOISY.values(), ids=NOISY.keys())
async def test_webhooks_of_another_key_come_as_soon(
    system: JobSystem, network: FakeNetwork, urls: list[str]
) -> None:
    async with working(system, SleepingMaker()):
        alone_s = await webhook_p95_s(system, network)
        await end_jobs(system, "noisy", urls)
        beside_s = await webhook_p95_s(system, network)
    assert beside_s <= 2 * alone_s, (beside_s, alone_s)


@asynccontextmanager
async def looking_up_in_vain(
    system: JobSystem, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[float]:
    """Yield the p95 of a quiet key's jobs, in seconds, and let another key name unknown hosts."""
    async with silent_name_server() as port:
        monkeypatch.setattr(
            "frontend.webhooks.sending.Resolver",
            lambda: Resolver(name_servers=["127.0.0.1"], udp_port=port),
        )
        async with working(system, SleepingMaker(seconds=0.2)):
            alone_s = await job_p95_s(system)
            await end_jobs(system, "noisy", [f"http://n{n}.example.com/" for n in range(250)])
            yield alone_s


async def test_jobs_do_not_wait_for_names_that_no_name_server_knows(
    system: JobSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking_up_in_vain(system, monkeypatch):
        # A job that waits for the look-ups of 250 names takes more than half a minute.
        assert await job_p95_s(system) < 15


@pytest.mark.drill
async def test_names_that_no_name_server_knows_do_not_delay_jobs(
    system: JobSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking_up_in_vain(system, monkeypatch) as alone_s:
        beside_s = await job_p95_s(system)
    assert beside_s <= 2 * alone_s, (beside_s, alone_s)
