"""What one clip costs a frontend in processor time, by format: Triton has every sound ready.

The one figure of the sizing guide that does not depend on the model: docs/sizing.md.
"""

import asyncio
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2
import psutil

from benchmarks.load import closed_loop
from benchmarks.processes import free_port, running
from benchmarks.progress import track
from benchmarks.report import Table, write

FORMATS = ("pcm", "wav", "flac", "mp3", "opus", "aac")
SECONDS = (5.0, 30.0)
_CONCURRENCY = 4
_WARM_UP = 4
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """One format and length."""

    response_format: str
    seconds: float
    cpu_s: float  # of the frontend's process for one clip
    n_bytes: int  # of one clip
    clips_per_s: float  # closed loop, all processes on the same cores
    n_failed: int


def measure(*, quick: bool) -> None:
    """Measure every format and length."""
    cases = [(form, seconds) for seconds in SECONDS for form in FORMATS]
    with frontend() as (url, process):
        costs = [
            asyncio.run(_cost(url, process, form, seconds, 8 if quick else 40))
            for form, seconds in track(cases, "frontend: formats")
        ]
    write("frontend_cost", [asdict(cost) for cost in costs], [table(costs)], quick=quick)


def table(costs: list[Cost]) -> Table:
    """Return one row for each format and length."""
    columns = ("format", "seconds", "CPU ms a clip", "clips/s of one core", "kB a clip", "failed")
    rows = tuple(
        (
            cost.response_format,
            cost.seconds,
            1e3 * cost.cpu_s,
            1 / cost.cpu_s,
            cost.n_bytes / 1e3,
            cost.n_failed,
        )
        for cost in costs
    )
    return Table(
        "A clip of 44.1 kHz stereo through the frontend, Triton's work left out", columns, rows
    )


@contextmanager
def frontend(**variables: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run a frontend over a Triton that has every sound ready; gives its URL and process."""
    grpc_port, port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "TRITONE_PORT": str(port),
        "TRITONE_TRITON__URL": f"127.0.0.1:{grpc_port}",
        "TRITONE_LOG_LEVEL": "warning",
        **variables,
    }
    triton = [sys.executable, "-m", "benchmarks.instant_triton", str(grpc_port)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "frontend.log")
        with (
            running(
                triton,
                log=Path(folder, "triton.log"),
                environment=os.environ,
                is_ready=lambda: True,  # the frontend knows when
                timeout_s=_START_TIMEOUT_S,
            ),
            running(
                [sys.executable, "-m", "frontend"],
                log=log,
                environment=environment,
                is_ready=lambda: _answers(f"{url}/readyz"),
                timeout_s=_START_TIMEOUT_S,
            ) as process,
        ):
            yield url, process


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 -- ours
            return bool(response.status == httpx2.codes.OK)
    except OSError:
        return False


async def _cost(
    url: str, process: psutil.Process, form: str, seconds: float, n_requests: int
) -> Cost:
    sizes = []
    async with httpx2.AsyncClient(base_url=url, timeout=60.0) as client:

        async def send(index: int) -> int:
            body = {
                "input": "rain",
                "audio_length": seconds,
                "seed": index,
                "response_format": form,
            }
            response = await client.post("/v1/audio/generate", json=body)
            sizes.append(len(response.content))
            return response.status_code

        await closed_loop(send, n_requests=_WARM_UP, concurrency=_CONCURRENCY)
        before = cpu_s(process)
        run = await closed_loop(send, n_requests=n_requests, concurrency=_CONCURRENCY)
        used_s = cpu_s(process) - before
    return Cost(
        response_format=form,
        seconds=seconds,
        cpu_s=used_s / n_requests,
        n_bytes=sizes[-1],
        clips_per_s=n_requests / run.wall_s,
        n_failed=sum(not answer.is_good for answer in run.answers),
    )


def cpu_s(process: psutil.Process) -> float:
    """Return the processor time that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)
