import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.processes import NotReady, free_port, running

# A server that keeps a child and a named semaphore, and does not clean up when it is told to go.
_SERVER = """
import multiprocessing, time
context = multiprocessing.get_context("spawn")
semaphore = context.Semaphore()
child = context.Process(target=time.sleep, args=(600,))
child.start()
print("ready", child.pid, semaphore._semlock.name, flush=True)
time.sleep(600)
"""


def _run(log: Path) -> tuple[int, Path]:
    """Run and stop the server; return its child's pid and its semaphore's file."""
    with running(
        [sys.executable, "-c", _SERVER],
        log=log,
        environment=os.environ,
        is_ready=lambda: log.read_text().startswith("ready") and log.read_text().endswith("\n"),
        timeout_s=60,
    ) as process:
        assert process.is_running()
        _, child, semaphore = log.read_text().split()
        file = Path("/dev/shm", f"sem.{semaphore.lstrip('/')}")
        assert psutil.pid_exists(int(child))
        assert file.exists()
    assert not process.is_running()
    return int(child), file


def test_nothing_is_left_of_a_server_that_cleans_up_nothing(tmp_path: Path) -> None:
    child, semaphore = _run(tmp_path / "log")
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert not semaphore.exists()


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
    with (
        pytest.raises(NotReady, match="no such model"),
        running(
            command,
            log=tmp_path / "log",
            environment=os.environ,
            is_ready=lambda: False,
            timeout_s=60,
        ),
    ):
        pass


def test_a_free_port_can_be_listened_on() -> None:
    listen = "import socket, sys; socket.create_server(('127.0.0.1', int(sys.argv[1])))"
    subprocess.run([sys.executable, "-c", listen, str(free_port())], check=True)
