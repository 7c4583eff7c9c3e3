"""Child processes of the benchmarks: ports, waiting until ready, an end without leftovers."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

STOP_TIMEOUT_S = 60.0
_TRACKER_TIMEOUT_S = 10.0
_POLL_S = 0.05
_SHOWN_LINES = 15


class NotReady(RuntimeError):
    """A process ended, or was not ready in time; the message shows the end of its log."""


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all that descend from it."""
    return [process, *process.children(recursive=True)]


def processor_s(process: psutil.Process) -> float:
    """Return the processor time that a process has used in s; 0: it is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    is_ready: Callable[[], bool],
    timeout_s: float,
) -> Iterator[psutil.Process]:
    """Run a command for the length of the block, from when `is_ready` says so.

    Both its streams go to `log`. In the end it is asked to stop (SIGTERM); whatever of it and of
    its children is still there after `STOP_TIMEOUT_S` is killed.

    Raises:
        NotReady: it ended, or `timeout_s` went by.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        child = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=dict(environment)
        )
    process = psutil.Process(child.pid)
    try:
        _await_ready(child, log, is_ready, timeout_s)
        yield process
    finally:
        _stop(child, process)


def _await_ready(
    child: subprocess.Popen[bytes], log: Path, is_ready: Callable[[], bool], timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_ready():
        if child.poll() is not None or time.monotonic() > deadline:
            what = "ended" if child.poll() is not None else f"was not ready in {timeout_s:.0f} s"
            end = "\n".join(log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:])
            raise NotReady(f"`{child.args!r}` {what}; the end of {log}:\n{end}")
        time.sleep(_POLL_S)


def _stop(child: subprocess.Popen[bytes], process: psutil.Process) -> None:
    family = process.children(recursive=True) if child.poll() is None else []
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    orphans = psutil.wait_procs(family, timeout=1.0)[1]
    trackers = [orphan for orphan in orphans if _is_tracker(orphan)]
    for orphan in orphans:
        if orphan not in trackers:
            orphan.kill()
    for tracker in psutil.wait_procs(trackers, timeout=_TRACKER_TIMEOUT_S)[1]:
        tracker.kill()


def _is_tracker(process: psutil.Process) -> bool:
    """Python's own: removes shared semaphores and ends when all whom it worked for are gone."""
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False
