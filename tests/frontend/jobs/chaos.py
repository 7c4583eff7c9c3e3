"""Kill -9 everything at random while jobs run; count what was lost.

python -m tests.frontend.jobs.chaos --jobs 300 --workers 3
"""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from frontend.jobs.model import JobStatus
from frontend.jobs.records import JobFilter
from frontend.jobs.startup import JobSystem, open_jobs
from frontend.webhooks.model import DeliveryStatus
from ops.stack.postgres import EmbeddedPostgres
from tests.frontend.database.server import new_database, running_server
from tests.frontend.jobs.processes import Setting
from tests.frontend.jobs.receiver import Receiver, receiving

PAUSE_S = 0.7  # between kills, on average, and on a machine that starts a worker as quickly
DATABASE_EVERY = 5  # kills
FRONTEND_SHARE = 0.5  # of the other kills, while jobs are still submitted


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run gave."""

    jobs: int
    statuses: Counter[str]
    webhooks: int  # jobs whose end arrived
    duplicates: int  # arrivals beyond the first
    endings: int  # webhooks created: one per end of a job
    kills: Counter[str]
    seconds: float

    @property
    def ended(self) -> int:
        return sum(self.statuses.values())

    def __str__(self) -> str:
        kills = ", ".join(f"{n} x {name}" for name, n in sorted(self.kills.items()))
        return (
            f"{self.ended} ended, {self.jobs - self.ended} lost, "
            f"{self.webhooks} webhooks (+{self.duplicates} duplicates); "
            f"{dict(self.statuses)}, {self.endings} endings; "
            f"killed: {kills}; {self.seconds:.0f} s"
        )


@dataclass
class Chaos:
    """The processes of one run, and who is killed next."""

    server: EmbeddedPostgres
    setting: Setting
    n_jobs: int
    n_workers: int
    random: random.Random
    workers: list[subprocess.Popen[str]] = field(default_factory=list)
    submitter: subprocess.Popen[str] | None = None
    accepted: dict[str, str] = field(default_factory=dict)  # job ids by key
    kills: Counter[str] = field(default_factory=Counter)

    async def submit(self) -> None:
        """Have every job accepted, by a client that repeats what it got no answer to."""
        while len(self.accepted) < self.n_jobs:
            keys = [f"k{n}" for n in range(self.n_jobs) if f"k{n}" not in self.accepted]
            self.submitter = replace(self.setting, keys=keys).start("submitter")
            await asyncio.to_thread(self._read_accepted, self.submitter)
        self.submitter = None

    def _read_accepted(self, submitter: subprocess.Popen[str]) -> None:
        assert submitter.stdout is not None
        for line in submitter.stdout:
            key, _, job_id = line.strip().partition(" ")
            # Not the half line of a killed process, and not its log.
            if line.endswith("\n") and not line.startswith("{"):
                assert self.accepted.setdefault(key, job_id) == job_id
        submitter.wait()
        submitter.stdout.close()

    async def rage(self, system: JobSystem) -> None:
        """Kill and replace until cancelled."""
        pause_s = max(PAUSE_S, await self._start_time_s(system))
        for n in range(1, 1_000_000):
            await asyncio.sleep(pause_s * self.random.uniform(0.5, 1.5))
            if n % DATABASE_EVERY == 0:
                self._kill_database()
                await asyncio.to_thread(self.server.start)
            elif self.submitter is not None and self.random.random() < FRONTEND_SHARE:
                self.submitter.kill()
                self.kills["frontend"] += 1
            else:
                self._kill_a_worker()

    async def _start_time_s(self, system: JobSystem) -> float:
        """Return how long a worker takes until it runs a job: on a busy machine, seconds."""
        began = time.monotonic()
        while not (await system.store.load()).running:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        return (time.monotonic() - began) / 2

    def _kill_database(self) -> None:
        self.server.kill()
        self.kills["database"] += 1

    def _kill_a_worker(self) -> None:
        index = self.random.randrange(self.n_workers)
        self.workers[index].kill()
        self.workers[index].wait()
        self.workers[index] = self.setting.start("worker")
        self.kills["worker"] += 1

    def start(self) -> None:
        self.workers = [self.setting.start("worker") for _ in range(self.n_workers)]

    def end(self) -> None:
        for process in self.workers:
            process.kill()
            process.wait()


async def run_chaos(
    n_jobs: int, n_workers: int, *, seconds: float = 1.0, seed: int = 0, timeout_s: float = 180
) -> Outcome:
    """Run the whole and return what it gave."""
    with running_server(in_memory=False) as server, tempfile.TemporaryDirectory() as files:
        url = new_database(server)
        # A third of the first answers is a failure, so that retries are killed, too.
        statuses = random.Random(seed).choices([204, 503], [2, 1], k=n_jobs)
        async with receiving(statuses=statuses) as receiver:
            setting = Setting(
                database_url=url,
                files=files,
                seconds=seconds,
                max_attempts=20,
                webhook_url=receiver.url,
            )
            chaos = Chaos(server, setting, n_jobs, n_workers, random.Random(seed))
            return await _run(chaos, receiver, timeout_s)


async def _run(chaos: Chaos, receiver: Receiver, timeout_s: float) -> Outcome:
    began = time.monotonic()
    chaos.start()
    try:
        async with open_jobs(chaos.setting.job_settings, {}, patience_s=60.0) as system:
            working = asyncio.create_task(_submit_and_wait(chaos, system))
            raging = asyncio.create_task(chaos.rage(system))
            done, _ = await asyncio.wait(
                [working, raging], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            for task in (working, raging):
                task.cancel()
            await asyncio.gather(working, raging, return_exceptions=True)
            return await _count(chaos, system, receiver, time.monotonic() - began)
    finally:
        chaos.end()


async def _submit_and_wait(chaos: Chaos, system: JobSystem) -> None:
    await chaos.submit()
    await _until_over(system, chaos.n_jobs)


async def _until_over(system: JobSystem, n_jobs: int) -> None:
    while True:
        await asyncio.sleep(0.3)
        load = await system.store.load()
        if load.queued or load.running:
            continue
        jobs = await system.store.page(JobFilter(), None, n_jobs + 1)
        owed = [await system.deliveries.of_job(job.id, None) for job in jobs]
        if all(each.status is not DeliveryStatus.PENDING for some in owed for each in some):
            return


async def _count(chaos: Chaos, system: JobSystem, receiver: Receiver, seconds: float) -> Outcome:
    jobs = await system.store.page(JobFilter(), None, 10 * chaos.n_jobs)
    assert {job.id for job in jobs} >= set(chaos.accepted.values())
    owed = [each for job in jobs for each in await system.deliveries.of_job(job.id, None)]
    arrived = Counter(
        payload["data"]["id"]
        for payload, head in zip(receiver.payloads(), receiver.headers, strict=True)
        if head["answered"] == "204"
    )
    return Outcome(
        jobs=len(chaos.accepted),
        statuses=Counter(job.status.value for job in jobs if job.is_over),
        webhooks=len(arrived),
        duplicates=arrived.total() - len(arrived),
        endings=len(owed),
        kills=chaos.kills,
        seconds=seconds,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one sound")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=300.0)
    given = parser.parse_args()
    outcome = asyncio.run(
        run_chaos(
            given.jobs,
            given.workers,
            seconds=given.seconds,
            seed=given.seed,
            timeout_s=given.timeout,
        )
    )
    sys.stdout.write(f"{outcome}\n")
    is_good = outcome.statuses[JobStatus.COMPLETED] == outcome.webhooks == given.jobs
    return 0 if is_good and outcome.endings == given.jobs else 1


if __name__ == "__main__":
    sys.exit(main())
