"""Kill -9 every kind of process of real stacks at random while jobs run; count what was lost.

Two `tritone up` share one Triton, one database and one folder of files: two frontends, three
workers. Jobs come over HTTP, by a client that repeats what it got no answer to.

python -m tests.acceptance.chaos --jobs 300 --per-second 2
"""

import argparse
import asyncio
import io
import os
import random
import sys
import tempfile
import time
import wave
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from ops.processes.ports import choose_ports
from ops.stack.postgres import EmbeddedPostgres
from tests.acceptance.conftest import REPOSITORIES, copy_of
from tests.acceptance.stack import Stack, is_running, running
from tests.frontend.jobs.chaos import Outcome
from tests.frontend.jobs.receiver import Receiver, receiving

KINDS = ("worker", "frontend", "triton", "stub", "database")
N_WORKERS = 2, 1  # of the two stacks
REQUEST_TIMEOUT_S = 10.0
REPEAT_PAUSE_S = 0.5
FAILING_SHARE = 0.25  # of the receiver's answers
SECONDS = 1.0  # of one sound
STEPS = 4
VARIABLES = {
    "TRITONE_JOBS__LEASE_S": "4",
    "TRITONE_JOBS__MAX_ATTEMPTS": "10",
    "TRITONE_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]',
    "TRITONE_WEBHOOKS__SCHEDULE_S": str([0.5] * 30),  # a short one must outlast the deaths
}


@contextmanager
def two_stacks(repository: Path, folder: Path) -> Iterator[tuple[Stack, Stack]]:
    """Run a whole stack, and a second one of frontend and workers only, on the first's services."""
    port = choose_ports({"": 0})[""]
    shared = VARIABLES | {"TRITONE_STORAGE__URL": str(folder / "files")}
    first = {"TRITONE_JOBS__WORKERS": str(N_WORKERS[0]), "TRITONE_TRITON__GRPC_PORT": str(port)}
    with running(copy_of(repository, folder / "models"), folder / "1", **shared, **first) as whole:
        assert whole.address
        database = EmbeddedPostgres(folder / "1" / "run" / "postgres")
        assert database.attach()
        second = {
            "TRITONE_JOBS__WORKERS": str(N_WORKERS[1]),
            "TRITONE_JOBS__DATABASE_URL": database.url,
            "TRITONE_TRITON__URL": f"127.0.0.1:{port}",
        }
        with running(whole.repository, folder / "2", **shared, **second) as more:
            assert more.address
            yield whole, more


def victims(kind: str, stacks: tuple[Stack, ...]) -> list[psutil.Process]:
    """Return the living processes of a kind."""
    ours = [each for stack in stacks for each in psutil.Process(stack.process.pid).children()]
    found = []
    for process in ours:
        with suppress(psutil.Error):
            if _kind_of(process) == kind:
                found.append(process)
            elif kind == "stub" and _kind_of(process) == "triton":
                found += process.children()
    return [process for process in found if is_running(process)]


def _kind_of(process: psutil.Process) -> str:
    module = {"frontend": "frontend", "frontend.jobs": "worker"}
    program = {"tritonserver": "triton", "postgres": "database"}
    last = (process.cmdline() or [""])[-1]
    return module.get(last) or program.get(process.name(), "")


@dataclass
class Client:
    """Submits jobs to either frontend and looks at them, and repeats what fails."""

    urls: list[str]
    http: httpx2.AsyncClient
    random: random.Random
    accepted: dict[str, str] = field(default_factory=dict)  # job ids by idempotency key
    repeats: int = 0

    async def submit(self, key: str, webhook_url: str) -> None:
        """Have one job accepted; what was accepted once keeps its id."""
        body = {
            "prompt": f"rain on roof {key}",
            "seconds": SECONDS,
            "steps": STEPS,
            "seed": 1,
            "webhook_url": webhook_url,
        }
        answer = await self._ask("POST", "/jobs", json=body, headers={"idempotency-key": key})
        assert self.accepted.setdefault(key, answer["id"]) == answer["id"]

    async def get(self, path: str, **params: str) -> Any:  # noqa: ANN401 -- JSON
        """Return the JSON behind a path."""
        return await self._ask("GET", path, params=params)

    async def jobs(self) -> list[dict[str, Any]]:
        """Return every job there is."""
        page = await self.get("/jobs", limit="100")
        jobs: list[dict[str, Any]] = page["jobs"]
        while page["cursor"]:
            page = await self.get("/jobs", limit="100", cursor=page["cursor"])
            jobs += page["jobs"]
        return jobs

    async def _ask(self, method: str, path: str, **how: Any) -> Any:  # noqa: ANN401 -- as httpx2's
        while True:
            url = self.random.choice(self.urls) + path
            with suppress(httpx2.TransportError):
                answer = await self.http.request(method, url, **how)
                if answer.is_success:
                    return answer.json()
                assert answer.status_code in {429, 500, 503, 504}, answer.text
            self.repeats += 1
            await asyncio.sleep(REPEAT_PAUSE_S)


@dataclass
class Chaos:
    """One run."""

    stacks: tuple[Stack, Stack]
    client: Client
    receiver: Receiver
    random: random.Random
    kills: Counter[str] = field(default_factory=Counter)

    async def submit(self, n_jobs: int, per_second: float) -> None:
        """Submit in random order of arrival, on average so many per second."""
        async with asyncio.TaskGroup() as group:
            for n in range(n_jobs):
                group.create_task(self.client.submit(f"k{n}", self.receiver.url))
                if n % 10 == 0:  # some clients ask twice although they were answered
                    group.create_task(self.client.submit(f"k{n}", self.receiver.url))
                await asyncio.sleep(self.random.expovariate(per_second))

    async def rage(self, pause_s: float) -> None:
        """Kill until cancelled: every kind once, in random order, then again."""
        while True:
            for kind in self.random.sample(KINDS, len(KINDS)):
                await asyncio.sleep(pause_s * self.random.uniform(0.5, 1.5))
                living = victims(kind, self.stacks)
                if living:  # else it is being started again
                    with suppress(psutil.NoSuchProcess):
                        self.random.choice(living).kill()
                        self.kills[kind] += 1

    async def until_over(self, n_jobs: int) -> None:
        """Return when nothing is queued or running, and every job has been told of."""
        while len(_count_told(self.receiver)) < n_jobs or await self._under_way():  # noqa: ASYNC110
            await asyncio.sleep(0.5)

    async def _under_way(self) -> bool:
        pages = [await self.client.get("/jobs", status=s, limit="1") for s in ("queued", "running")]
        return any(page["jobs"] for page in pages)

    async def count(self, seconds: float) -> Outcome:
        """Return what the jobs' own pages say, their files having been fetched."""
        jobs = await self.client.jobs()
        assert {job["id"] for job in jobs} >= set(self.client.accepted.values())
        endings = 0
        for job in jobs:
            if not job["finished_at"]:
                sys.stdout.write(f"not over: {job}\n")
            endings += len((await self.client.get(f"/jobs/{job['id']}/deliveries"))["deliveries"])
            if job["status"] == "completed":
                await self._hear(job)
        told = _count_told(self.receiver)
        return Outcome(
            jobs=len(jobs),
            statuses=Counter(j["status"] for j in jobs if j["finished_at"]),
            webhooks=len(told),
            duplicates=told.total() - len(told),
            endings=endings,
            kills=self.kills,
            seconds=seconds,
        )

    async def _hear(self, job: dict[str, Any]) -> None:
        (file,) = job["result"]["files"]
        answer = await self.client.http.get(file["url"])
        with wave.open(io.BytesIO(answer.content)) as wav:
            assert wav.getnframes() == SECONDS * wav.getframerate()


def _count_told(receiver: Receiver) -> Counter[str]:
    """Return how often the end of each job was accepted."""
    return Counter(
        payload["data"]["id"]
        for payload, head in zip(receiver.payloads(), receiver.headers, strict=True)
        if head["answered"] == "204"
    )


@asynccontextmanager
async def _prepare(repository: Path, seed: int, n_jobs: int) -> AsyncIterator[Chaos]:
    # pytest's own folders are closed to others: where we are root, the job database is not.
    with tempfile.TemporaryDirectory(prefix="tritone-chaos-") as name:
        os.chmod(name, 0o755)
        shares = [1 - FAILING_SHARE, FAILING_SHARE]
        statuses = random.Random(seed).choices([204, 503], shares, k=4 * n_jobs)
        with two_stacks(repository, Path(name)) as stacks:
            async with (
                receiving(statuses=statuses) as receiver,
                httpx2.AsyncClient(timeout=REQUEST_TIMEOUT_S) as http,
            ):
                urls = [f"http://{stack.address}" for stack in stacks]
                client = Client(urls, http, random.Random(seed))
                yield Chaos(stacks, client, receiver, random.Random(seed))


async def run_chaos(
    repository: Path, n_jobs: int, *, per_second: float, pause_s: float, seed: int, timeout_s: float
) -> Outcome:
    """Run the whole and return what it gave; what is not over in time is lost."""
    async with _prepare(repository, seed, n_jobs) as chaos:
        began = time.monotonic()
        raging = asyncio.create_task(chaos.rage(pause_s))
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await chaos.submit(n_jobs, per_second)
                raging.cancel()  # what was begun under it may end in peace
                await chaos.until_over(n_jobs)
        raging.cancel()
        return await chaos.count(time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--per-second", type=float, default=2.0, help="jobs submitted")
    parser.add_argument("--pause", type=float, default=2.5, help="seconds between kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=540.0)
    given = parser.parse_args()
    repository = next(each for each in REPOSITORIES if any(each.glob("*/config.pbtxt")))
    outcome = asyncio.run(
        run_chaos(
            repository,
            given.jobs,
            per_second=given.per_second,
            pause_s=given.pause,
            seed=given.seed,
            timeout_s=given.timeout,
        )
    )
    sys.stdout.write(f"{outcome}\n")
    return 0 if outcome.ended == outcome.webhooks == outcome.endings == given.jobs else 1


if __name__ == "__main__":
    sys.exit(main())
