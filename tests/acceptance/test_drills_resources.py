"""Drills: full disk, small shared memory, slow clients, a clock that jumps. `pytest -s`."""

import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ops.processes.ports import choose_ports
from ops.stack.postgres import EmbeddedPostgres
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import (
    ASK,
    GENERATE,
    Jobs,
    left_behind,
    open_folder,
    prefix_of,
    status_of,
    tell,
    until,
)
from tests.acceptance.stack import running, running_under

pytestmark = pytest.mark.triton

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
DISK_MB = 192
N_ON_A_FULL_DISK = 22  # the first wait in memory, the last are refused, after seconds each
N_SLOW, SLOW_BYTES_PER_S = 20, 1000
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system in memory on a new folder."""
    disk = folder / "disk"
    disk.mkdir()
    size = f"size={DISK_MB}m,mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte of a disk free; return the file to delete."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return filler


def is_accepting(jobs: Jobs) -> bool:
    """Submit one job and return whether it was accepted."""
    before = len(jobs.accepted)
    jobs.submit(1)
    return len(jobs.accepted) > before


@needs_root
@pytest.mark.drill
def test_a_full_disk_delays_jobs_and_loses_none(repository: Path) -> None:
    with open_folder() as folder, small_disk(folder) as disk:
        models = copy_of(repository, folder / "models")
        with running(models, disk, TRITONE_JOBS__LEASE_S="4") as stack:  # its log lies there, too
            jobs = Jobs(stack.address)
            jobs.submit(3)
            jobs.until_over()
            filler = fill(disk)
            jobs.submit(N_ON_A_FULL_DISK)
            assert status_of(stack.address) == 200  # what is waited for needs no disk
            time.sleep(5)
            n_made = sum(jobs.get(each).get("status") == "completed" for each in jobs.accepted)
            during = len(jobs.accepted) - 3
            filler.unlink()
            waited = jobs.until_over()
            until(lambda: is_accepting(jobs))
            jobs.until_over()
            tell(
                f"disk full: {during} of {N_ON_A_FULL_DISK} jobs accepted, {len(jobs.refused)} "
                f"refused with {set(jobs.refused)}, {n_made - 3} made; all accepted were "
                f"made {waited:.1f} s after there was room"
            )
            assert set(jobs.refused) <= {503}
            assert "error" not in {jobs.get(each)["status"] for each in jobs.accepted}


@needs_root
@pytest.mark.parametrize("megabytes", [5, pytest.param(9, marks=pytest.mark.drill)])
def test_too_little_shared_memory_is_said_and_never_hangs(repository: Path, megabytes: int) -> None:
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm && exec "$@"'
    wrapper = ("unshare", "-m", "sh", "-c", mount, "sh")
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running_under(wrapper, models, folder, TRITONE_TIMEOUT_S="20") as stack:
            until(lambda: "ready: " in stack.out or stack.process.poll() is not None)
            if stack.process.poll() is not None:
                line = stack.log.splitlines()[-1]
                tell(f"{megabytes} MB: {line}")
                assert line.endswith("in Docker: --shm-size=1g")
                assert megabytes < 9
                return
            began = time.monotonic()
            statuses = [status_of(stack.address, audio_length=each) for each in (1, 10, 60, 1)]
            took = time.monotonic() - began
            tell(f"{megabytes} MB: {statuses} for 1, 10, 60 and 1 s, in {took:.1f} s")
            assert statuses[0] == statuses[-1] == 200
            assert set(statuses) <= {200, 400, 500, 503}


@pytest.mark.drill
def test_clients_that_read_a_kilobyte_a_second_slow_nobody_down(repository: Path) -> None:
    with open_folder() as folder:
        models = copy_of(repository, folder / "models")
        with running(models, folder, TRITONE_DRAIN_TIMEOUT_S="5") as stack:
            host, port = stack.address.rsplit(":", 1)
            prefix = prefix_of(stack)
            alone = _median_s(stack.address)
            with ExitStack() as sockets:
                for _ in range(N_SLOW):
                    sockets.enter_context(slow_client(host, int(port)))
                until(lambda: stack.metric("tritone_denoiser_active") == 0)
                among = _median_s(stack.address)
                began = time.monotonic()
                stack.stop()
                stopping = time.monotonic() - began
            tell(
                f"{N_SLOW} slow clients: a sound takes {among:.2f} s, {alone:.2f} s without them; "
                f"the stack leaves in {stopping:.1f} s"
            )
            assert among < 3 * alone + 0.5
            assert stopping < 30
            assert left_behind(prefix, folder) == []


def _median_s(address: str) -> float:
    took = []
    for seed in range(7):
        began = time.monotonic()
        assert status_of(address, seed=seed) == 200
        took.append(time.monotonic() - began)
    return statistics.median(took)


@contextmanager
def slow_client(host: str, port: int) -> Iterator[None]:
    """Ask for ten seconds of sound and read the answer very slowly."""
    body = str(ASK | {"audio_length": 10}).replace("'", '"').encode()
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(
            f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        stop = threading.Event()

        def read() -> None:
            while not stop.wait(1.0):
                try:
                    if not connection.recv(SLOW_BYTES_PER_S):
                        return
                except OSError:
                    return

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            stop.set()
            reader.join()


@pytest.mark.drill
@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed")
@pytest.mark.parametrize("jump", ["+1h", "-1h"])
def test_a_clock_that_jumps_ends_no_job_and_no_request_early(repository: Path, jump: str) -> None:
    with open_folder() as folder:
        clock = folder / "clock"
        clock.write_text("+0\n")
        with jumping_stack(repository, folder, clock) as address:
            jobs = Jobs(address)
            jobs.submit(3)
            jobs.until_over()
            jobs.submit(8, steps=60)
            clock.write_text(f"{jump}\n")
            slow = status_of(address, num_inference_steps=200)
            jobs.submit(3)
            waited = jobs.until_over()
            found = [jobs.get(each) for each in jobs.accepted]
            hours = {each["created_at"][11:13] for each in found}
            attempts = max(each["attempt"] for each in found)
            tell(
                f"{jump}: {len(found)} jobs made, begun {attempts} times at most, the last "
                f"{waited:.1f} s after the jump; a request meanwhile: {slow}"
            )
            assert len(hours) > 1, "the clock did not jump"
            assert slow == 200
            assert len(found) == 14


@contextmanager
def jumping_stack(repository: Path, folder: Path, clock: Path) -> Iterator[str]:
    """Run a stack whose database, frontend and worker believe in a clock of ours.

    Not Triton, which has no clock but the monotonic one, and not `tritone up`: libfaketime 0.9.10
    breaks Python's `time.sleep`.
    """
    port = choose_ports({"": 0})[""]
    fake = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    models = copy_of(repository, folder / "models")
    with running(models, folder, "--no-frontend") as stack, pytest.MonkeyPatch.context() as patch:
        triton = stack.address
        for name, value in fake.items():
            patch.setenv(name, value)
        with EmbeddedPostgres(folder / "postgres") as postgres, ExitStack() as processes:
            settings = {
                "TRITONE_PORT": str(port),
                "TRITONE_TRITON__URL": triton,
                "TRITONE_JOBS__DATABASE_URL": postgres.url,
                "TRITONE_JOBS__LEASE_S": "4",
                "TRITONE_STORAGE__URL": str(folder / "files"),
            }
            for module in ("frontend", "frontend.jobs"):
                command = [sys.executable, "-m", module]
                process = subprocess.Popen(
                    command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL
                )
                processes.callback(process.wait)
                processes.callback(process.terminate)
            until(lambda: status_of(f"127.0.0.1:{port}") == 200)
            yield f"127.0.0.1:{port}"
