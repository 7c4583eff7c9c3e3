"""How long `POST /jobs` takes: a real frontend process on a real PostgreSQL, in an open loop.

Cold: the frontend has just become ready, and its first job is part of the measurement. Times
count from the moment a request was due, so that a stall is seen by everyone who waited for it.

python -m tests.frontend.jobs.accepting --per-second 100 --seconds 20
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx2
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from ops.processes.ports import choose_ports
from tests.cards import STARTER_LIKE
from tests.fake_triton import Answers, FakeTriton, pcm_answer
from tests.frontend.database.server import new_database, running_server
from tests.frontend.jobs.processes import ROOT

START_TIMEOUT_S = 60.0
CONNECTIONS = 16  # of the client, before it begins


@asynccontextmanager
async def frontend(folder: Path, **variables: str) -> AsyncIterator[str]:
    """Run a frontend that believes in a Triton, on an empty database; give its URL when ready.

    `variables` are more of its environment.
    """
    port = choose_ports({"": 0})[""]
    triton, server = FakeTriton(), grpc.aio.server()
    triton.serve(STARTER_LIKE)
    triton.respond = _answer_at_once
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(triton, server)
    triton_port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    with running_server(in_memory=False) as postgres:
        environment = {
            **os.environ,
            "TRITONE_PORT": str(port),
            "TRITONE_TRITON__URL": f"127.0.0.1:{triton_port}",
            "TRITONE_JOBS__DATABASE_URL": new_database(postgres),
            "TRITONE_JOBS__MAX_QUEUED": "1000000",
            "TRITONE_STORAGE__URL": str(folder / "files"),
            **variables,
        }
        command = [sys.executable, "-m", "frontend"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(  # noqa: ASYNC220 -- nobody else runs here yet
                command, cwd=ROOT, env=environment, stdout=log
            )
        try:
            await _until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
            await server.stop(grace=None)


async def _answer_at_once(request: service_pb2.ModelInferRequest) -> Answers:
    yield pcm_answer(np.zeros((1, STARTER_LIKE.audio_channels, 8000), np.int16))


async def _until_ready(url: str) -> None:
    async with asyncio.timeout(START_TIMEOUT_S), httpx2.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"{url}/readyz")).is_success:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.02)


async def submit(url: str, per_second: float, seconds: float) -> list[float]:
    """Submit in an open loop and return how long each took, in seconds."""
    took = [0.0] * int(per_second * seconds)
    limits = httpx2.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx2.AsyncClient(limits=limits, timeout=30.0) as http:
        # The client's own first steps are not the server's: its stall would come as a burst.
        await asyncio.gather(*[http.get(f"{url}/livez") for _ in range(CONNECTIONS)])
        began = time.perf_counter() + 0.5  # once every task waits for its moment

        async def one(n: int) -> None:
            due = began + n / per_second
            await asyncio.sleep(due - time.perf_counter())
            body = {"prompt": f"rain on roof {n}", "seconds": 1, "steps": 4}
            answer = await http.post(f"{url}/jobs", json=body, headers={"idempotency-key": f"{n}"})
            took[n] = time.perf_counter() - due
            assert answer.status_code == 202, answer.text

        await asyncio.gather(*[one(n) for n in range(len(took))])
    return took


def handled(log: Path) -> list[float]:
    """Return how long the frontend itself took for each job, in seconds: the rest is waiting."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [float(line["seconds"]) for line in lines if line.get("path") == "/jobs"]


def shown(took: list[float]) -> str:
    """Return the figures of some requests."""
    ordered = sorted(took)
    p50, p95 = (1000 * ordered[int(share * len(ordered))] for share in (0.5, 0.95))
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, most {1000 * ordered[-1]:.1f} ms"


async def _measure(per_second: float, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with frontend(Path(folder)) as url:
            took = await submit(url, per_second, seconds)
        inside = handled(Path(folder) / "log")
    n_first = int(per_second)
    sys.stdout.write(
        f"{len(took)} jobs at {per_second:g}/s, one frontend, {os.cpu_count()} cores\n"
        f"first second: {shown(took[:n_first])}\n"
        f"  the frontend's share: {shown(inside[:n_first])}\n"
        f"after that:   {shown(took[n_first:])}\n"
        f"  the frontend's share: {shown(inside[n_first:])}\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-second", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    asyncio.run(_measure(given.per_second, given.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
