"""What one key does to another one's p95: many jobs that wait, and many event streams.

A real frontend process on a real PostgreSQL, before a Triton that answers at once.

python -m tests.frontend.jobs.neighbours --jobs 10000 --streams 300
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.frontend.jobs.accepting import frontend
from tests.frontend.jobs.processes import ROOT

LOUD, QUIET = "the-loud-key-of-the-tests", "the-quiet-key-of-the-tests"
CLIENTS = 16
PAUSE_S = 0.05  # between two requests that are measured
_STREAMS_SETTLE_S = 2.0  # their first looks are not what others meet all day
_JOB = {"prompt": "rain", "seconds": 1, "steps": 4}
_SOUND = {"input": "rain", "audio_length": 0.5, "num_inference_steps": 1}


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """The 95th percentiles of one key's requests, in seconds."""

    jobs_s: float
    sounds_s: float

    def __str__(self) -> str:
        return f"jobs {1000 * self.jobs_s:.0f} ms, sounds {1000 * self.sounds_s:.0f} ms"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the quiet key met."""

    alone: Latencies
    beside_jobs: Latencies
    beside_streams: Latencies

    def __str__(self) -> str:
        return (
            f"p95 alone: {self.alone}; beside the jobs: {self.beside_jobs}; "
            f"beside the event streams, too: {self.beside_streams}"
        )


async def run_neighbours(n_jobs: int, n_streams: int, n_requests: int) -> Outcome:
    """Measure one key alone, beside another one's jobs, and beside its event streams, too."""
    keys = f'["{LOUD}", "{QUIET}"]'
    with tempfile.TemporaryDirectory() as folder:
        async with frontend(Path(folder), TRITONE_KEYS__STATIC=keys) as url:
            await measure(url, 10)  # the first of everything
            alone = await measure(url, n_requests)
            ids = await submit(url, n_jobs)
            beside_jobs = await measure(url, n_requests)
            with open_streams(url, ids[-n_streams:]) as n_open:
                assert n_open == n_streams
                await asyncio.sleep(_STREAMS_SETTLE_S)
                beside_streams = await measure(url, n_requests)
    return Outcome(alone=alone, beside_jobs=beside_jobs, beside_streams=beside_streams)


async def submit(url: str, n_jobs: int) -> list[str]:
    """Submit jobs of the loud key and return their ids."""
    ids: list[str] = []
    todo = iter(range(n_jobs))
    async with _client(url, LOUD) as http:

        async def client() -> None:
            for _ in todo:
                answer = await http.post("/jobs", json=_JOB)
                assert answer.status_code == 202, answer.text
                ids.append(answer.json()["id"])

        await asyncio.gather(*[client() for _ in range(CLIENTS)])
    return ids


async def measure(url: str, n_requests: int) -> Latencies:
    """Return how long jobs and sounds of the quiet key take."""
    took: dict[str, list[float]] = {"/jobs": [], "/v1/audio/generate": []}
    async with _client(url, QUIET) as http:
        for _ in range(n_requests):
            for (path, seconds), body in zip(took.items(), (_JOB, _SOUND), strict=True):
                began = time.perf_counter()
                answer = await http.post(path, json=body)
                seconds.append(time.perf_counter() - began)
                assert answer.is_success, answer.text
                await asyncio.sleep(PAUSE_S)
    jobs_s, sounds_s = (sorted(each)[int(0.95 * len(each))] for each in took.values())
    return Latencies(jobs_s=jobs_s, sounds_s=sounds_s)


def _client(url: str, key: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=url, headers={"x-api-key": key}, timeout=60.0)


@contextmanager
def open_streams(url: str, ids: list[str]) -> Iterator[int]:
    """Have another process follow jobs for the loud key; give how many it could open."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.frontend.jobs.neighbours", "--follow", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("\n".join(ids))
        process.stdin.close()
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def follow(url: str, ids: list[str]) -> None:
    """Open an event stream for each job, say how many there are, and read until killed."""
    host, _, port = url.removeprefix("http://").partition(":")
    streams = []
    for job_id in ids:
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"GET /jobs/{job_id}/events HTTP/1.1\r\nhost: x\r\nx-api-key: {LOUD}\r\n\r\n"
        writer.write(head.encode())
        assert b" 200 " in await reader.readline()
        streams.append(reader)
    sys.stdout.write(f"{len(streams)}\n")
    sys.stdout.flush()

    async def read(reader: asyncio.StreamReader) -> None:
        while await reader.read(65536):
            pass

    await asyncio.gather(*[read(each) for each in streams])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--follow", metavar="URL")
    given = parser.parse_args()
    if given.follow:
        asyncio.run(follow(given.follow, sys.stdin.read().split()))
        return 0
    outcome = asyncio.run(run_neighbours(given.jobs, given.streams, given.requests))
    sys.stdout.write(f"{outcome}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
