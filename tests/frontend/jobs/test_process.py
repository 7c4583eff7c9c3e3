"""The worker as it is started in production, without a Triton behind it."""

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from frontend.jobs.model import JobStatus
from frontend.jobs.startup import JobSystem, JobSystemSettings
from ops.processes.ports import choose_ports
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.receiver import receiving
from tests.frontend.jobs.test_worker import ended

ROOT = Path(__file__).parents[3]


@contextmanager
def started(variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "frontend.jobs"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_it_works_with_the_contracts_bodies_and_stops_on_sigterm(
    system: JobSystem, job_settings: JobSystemSettings
) -> None:
    variables = {
        "TRITONE_JOBS__DATABASE_URL": job_settings.database_url,
        "TRITONE_JOBS__PATIENCE_S": "0",
        "TRITONE_STORAGE__URL": job_settings.storage.url,
        "TRITONE_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        "TRITONE_TRITON__URL": "127.0.0.1:1",
    }
    async with receiving() as receiver:
        with started(variables) as process:
            request = make_request(contract="musicgpt", webhook_url=receiver.url)
            job = await ended(system, await system.service.submit(request), 30)
            await receiver.until(lambda each: bool(each.accepted), 20)
            process.terminate()
            output, _ = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == 0, output
    assert job.status is JobStatus.ERROR
    assert job.failure is not None
    assert job.failure.name == "BackendUnavailable"
    assert "task_id" in receiver.payloads()[0]
    assert '"event": "stopped"' in output
    assert "rain" not in output


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param({}, "TRITONE_JOBS__DATABASE_URL", id="no-database"),
        pytest.param({"TRITONE_JOBS__LEASE_S": "x"}, "TRITONE_JOBS__LEASE_S", id="bad-value"),
    ],
)
def test_it_says_what_is_wrong_with_the_settings(variables: dict[str, str], said: str) -> None:
    with started(variables) as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert output.startswith("tritone: ")
    assert said in output


async def test_a_worker_shows_its_own_metrics(job_settings: JobSystemSettings) -> None:
    port = choose_ports({"": 0})[""]
    variables = {
        "TRITONE_JOBS__DATABASE_URL": job_settings.database_url,
        "TRITONE_JOBS__METRICS_PORT": str(port),
        "TRITONE_STORAGE__URL": job_settings.storage.url,
        "TRITONE_TRITON__URL": "127.0.0.1:1",
    }
    with started(variables):
        async with asyncio.timeout(30):
            while not (text := await asyncio.to_thread(_scraped, port)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    assert "# TYPE tritone_jobs_ended_total counter" in text
    assert "tritone_build_info{" in text


async def test_a_taken_metrics_port_is_said(job_settings: JobSystemSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        variables = {
            "TRITONE_JOBS__DATABASE_URL": job_settings.database_url,
            "TRITONE_JOBS__METRICS_PORT": str(taken.getsockname()[1]),
        }
        with started(variables) as process:
            out, _ = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 2
    assert "TRITONE_JOBS__METRICS_PORT: Address already in use" in out


def _scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
