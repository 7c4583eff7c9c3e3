import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from ops.triton.backend_directory import STUB
from ops.triton.backend_processes import BackendProcesses, DeadProcess

TIMEOUT_S = 10.0

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes that are named like Triton's stub and have its arguments."""
    started = []

    def start(model: str) -> subprocess.Popen[bytes]:
        code = "import time; time.sleep(60)"
        command = [f"/somewhere/{STUB}", "-c", code, f"{model}_0_0", "DEFAULT"]
        process = subprocess.Popen(command, executable=sys.executable)
        started.append(process)
        until(lambda: model in BackendProcesses().look(os.getpid()).n_living())
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def die(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and leave it as a zombie, as Triton does."""
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_every_living_process_is_counted_for_its_model(start: Start) -> None:
    for model in ("rain_denoiser", "rain_denoiser", "rain_tokenizer"):
        start(model)
    look = BackendProcesses().look(os.getpid())
    assert look.n_living() == {"rain_denoiser": 2, "rain_tokenizer": 1}
    assert len(look.of("rain_denoiser")) == 2


def test_a_killed_process_is_told_from_a_living_one(start: Start) -> None:
    process, _ = start("rain_denoiser"), start("rain_tokenizer")
    processes = BackendProcesses()
    processes.look(os.getpid())
    assert not processes.has_changed()
    began = psutil.Process(process.pid).create_time()
    die(process)
    assert processes.has_changed()
    look = processes.look(os.getpid())
    assert look.n_living() == {"rain_tokenizer": 1}
    assert DeadProcess("rain_denoiser", began) in look.dead


def test_a_process_that_died_before_it_was_seen_is_not_living(start: Start) -> None:
    die(start("rain_denoiser"))
    look = BackendProcesses().look(os.getpid())
    assert not look.living
    assert None in {each.model for each in look.dead}


def test_a_process_that_was_reaped_is_gone(start: Start) -> None:
    process = start("rain_denoiser")
    processes = BackendProcesses()
    processes.look(os.getpid())
    process.kill()
    process.wait()
    assert processes.has_changed()
    assert not processes.look(os.getpid()).living


def test_a_stopped_process_is_seen_as_such(start: Start) -> None:
    process = start("rain_denoiser")
    processes = BackendProcesses()
    process.send_signal(signal.SIGSTOP)
    until(lambda: all(each.is_stopped for each in processes.look(os.getpid()).living))
    process.send_signal(signal.SIGCONT)
    until(processes.has_changed)
    (each,) = processes.look(os.getpid()).living
    assert not each.is_stopped
    each.kill()
    assert process.wait(TIMEOUT_S) == -signal.SIGKILL


def test_a_server_that_has_gone_has_no_processes() -> None:
    process = subprocess.Popen(["sleep", "0"])
    process.wait()
    assert not BackendProcesses().look(process.pid).living
