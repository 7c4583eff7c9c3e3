"""Starts the product as a user would, and reads what its processes cost."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

READY_PREFIX = "ready: "
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running `tritone up`."""

    url: str  # of the frontend
    grpc_url: str  # of Triton, host:port
    ready_s: float  # from the command to its "ready" line
    process: psutil.Process

    def memory_bytes(self) -> int:
        """Return the proportional set size of all processes: shared pages count once."""
        total = 0
        for process in (self.process, *self.process.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
        return total


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - Popen was given a pipe
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if not select.select([process.stdout], [], [], 0.1)[0]:
            continue
        line = process.stdout.readline().strip()
        if line.startswith(READY_PREFIX):
            return line.removeprefix(READY_PREFIX)
    raise RuntimeError("the stack did not become ready; run `make serve` to see why")


@contextmanager
def running_stack(log: Path, **environment: str) -> Iterator[Stack]:
    """Run the product on free ports for the length of the block; its log goes to a file."""
    grpc_port = free_port()
    ports = {"TRITONE_PORT": str(free_port()), "TRITONE_TRITON__GRPC_PORT": str(grpc_port)}
    command = [str(Path(sys.executable).parent / "tritone"), "up"]
    with log.open("w") as stderr:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, **ports, **environment},
        )
        try:
            url = _await_ready(process)
            ready_s = time.monotonic() - started
            yield Stack(url, f"127.0.0.1:{grpc_port}", ready_s, psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_TIMEOUT_S)
