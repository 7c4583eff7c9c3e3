"""A `tritone up` of its own for tests, as a user would start it."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from ops.processes.ports import LOOPBACK, choose_ports

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
_POLL_S = 0.05
_TOLD_S = 0.5
_AGAIN_S = 1.0
SPEAKS = {"TRITONE_DEFAULT_VOICE": "true"}
_READY = re.compile(r"ready: \w+://(\S+)\n")


class Stack:
    """A running `tritone up`."""

    def __init__(
        self,
        repository: Path,
        folder: Path,
        flags: tuple[str, ...],
        variables: dict[str, str],
        wrapper: tuple[str, ...] = (),  # a command that becomes the one after it
    ) -> None:
        self.repository = repository
        self.log_file = folder / "log"
        self._out_file = folder / "out"
        self.metrics_port = choose_ports({"": 0})[""]
        environment = {
            **os.environ,
            "TRITONE_MODEL_REPOSITORY": str(repository),
            "TRITONE_STATE_DIRECTORY": str(folder / "run"),
            "TRITONE_PORT": "0",
            "TRITONE_DEFAULT_VOICE": "false",  # seconds of every start; see SPEAKS
            "TRITONE_TRITON__METRICS_PORT": str(self.metrics_port),
            **variables,
        }
        with self.log_file.open("w") as log, self._out_file.open("w") as out:
            self.process = subprocess.Popen(
                [*wrapper, Path(sys.executable).with_name("tritone"), "up", *flags],
                env=environment,
                stdout=out,
                stderr=log,
            )

    @property
    def address(self) -> str:
        """HOST:PORT of the line that says ready; waits for it."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := _READY.fullmatch(self.out):
                return found[1]
            time.sleep(_POLL_S)
        raise AssertionError(f"not ready; its log:\n{self.log}")

    @property
    def out(self) -> str:
        """What it wrote on stdout."""
        return self._out_file.read_text()

    @property
    def log(self) -> str:
        """What it wrote on stderr."""
        return self.log_file.read_text()

    def triton(self) -> psutil.Process:
        """Return Triton's own process."""
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if child.name() == "tritonserver")

    def stub(self, model: str) -> psutil.Process:
        """Return the backend process of a Triton model."""
        stubs = [child for child in self.triton().children() if is_running(child)]
        return next(stub for stub in stubs if f"{model}_0_0" in stub.cmdline())

    def has_stub(self, model: str) -> bool:
        """Return whether a Triton model has a backend process."""
        stubs = [child for child in self.triton().children() if is_running(child)]
        return any(f"{model}_0_0" in stub.cmdline() for stub in stubs)

    async def until_metric(self, name: str, value: float) -> None:
        """Return once a metric has a value."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while (found := await asyncio.to_thread(self.metric, name)) != value:
            assert time.monotonic() < deadline, f"{name} is {found}, not {value}"
            await asyncio.sleep(_POLL_S)

    def metric(self, name: str, model: str = "") -> float:
        """Return a metric of one Triton model, or of all. Backends report theirs now and then."""
        time.sleep(_TOLD_S)
        url = f"http://{LOOPBACK}:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as response:
            lines = response.read().decode().splitlines()
        label = f'model="{model}"' if model else ""
        values = [line for line in lines if line.startswith(f"{name}{{") and label in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in values)

    def has_logged(self, text: str) -> bool:
        """Return whether its log says something, now or soon."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while text not in self.log and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return text in self.log

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)

    def end(self) -> None:
        """End it at once, by the second signal; how it stops in good order is a test of its own."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_AGAIN_S)
        if self.process.poll() is None:
            self.stop()


def is_running(process: psutil.Process) -> bool:
    """Return whether a process runs; a zombie does not, it only waits for its parent."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@contextmanager
def running(repository: Path, folder: Path, *flags: str, **variables: str) -> Iterator[Stack]:
    """Run `tritone up` on a repository, with `folder` as scratch."""
    with running_under((), repository, folder, *flags, **variables) as stack:
        yield stack


@contextmanager
def running_under(
    wrapper: tuple[str, ...], repository: Path, folder: Path, *flags: str, **variables: str
) -> Iterator[Stack]:
    """Do the same under a command that becomes the one after it."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(repository, folder, flags, variables, wrapper)
    try:
        yield stack
    finally:
        stack.end()
