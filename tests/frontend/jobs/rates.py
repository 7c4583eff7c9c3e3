"""How many jobs per second are accepted and worked off, generation excluded.

python -m tests.frontend.jobs.rates --jobs 600 --workers 2
"""

import argparse
import asyncio
import sys
import tempfile
import time

from frontend.jobs.startup import JobSystem, open_jobs
from tests.frontend.database.server import new_database, running_server
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.processes import Setting

CLIENTS = 32


async def accept(system: JobSystem, n_jobs: int, n_clients: int) -> tuple[float, float]:
    """Return accepted jobs per second, and the 95th percentile of one acceptance in seconds."""
    request = make_request(formats=())  # no file: encoding belongs to the generation
    took: list[float] = []
    todo = iter(range(n_jobs))

    async def client() -> None:
        for _ in todo:
            began = time.perf_counter()
            await system.service.submit(request)
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*[client() for _ in range(n_clients)])
    return n_jobs / (time.perf_counter() - began), sorted(took)[int(0.95 * n_jobs)]


async def work_off(system: JobSystem, setting: Setting, n_workers: int) -> float:
    """Return worked off jobs per second, the start of the workers excluded."""
    workers = [setting.start("worker") for _ in range(n_workers)]
    try:
        total = (await system.store.load()).queued
        n_left, began = 0, 0.0
        while queued := (await system.store.load()).queued:
            if not began and queued < 0.95 * total:
                n_left, began = queued, time.perf_counter()
            await asyncio.sleep(0.05)
        return n_left / (time.perf_counter() - began)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    asyncio.run(_measure(given.jobs, given.workers))
    return 0


async def _measure(n_jobs: int, n_workers: int) -> None:
    with running_server(in_memory=False) as server, tempfile.TemporaryDirectory() as files:
        setting = Setting(database_url=new_database(server), files=files)
        async with open_jobs(setting.job_settings, {}, patience_s=30.0) as system:
            for n_clients in (1, CLIENTS):
                rate, p95_s = await accept(system, n_jobs // 2, n_clients)
                sys.stdout.write(
                    f"accepted by {n_clients} clients: {rate:.0f}/s, p95 {1000 * p95_s:.1f} ms\n"
                )
            rate = await work_off(system, setting, n_workers)
            sys.stdout.write(f"worked off by {n_workers} workers: {rate:.0f}/s\n")


if __name__ == "__main__":
    sys.exit(main())
