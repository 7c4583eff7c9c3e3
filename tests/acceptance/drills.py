"""What the drills share: load, jobs, and the search for what was left behind."""

import io
import sys
import tempfile
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil

from ops.processes.child import INSTANCE_VARIABLE
from ops.triton.shared_memory import SHARED_MEMORY
from tests.acceptance.stack import Stack

GENERATE = "/v1/audio/generate"
ASK: dict[str, Any] = {"input": "rain", "audio_length": 1, "num_inference_steps": 4}
PATIENCE_S = 120.0
UNREACHABLE = 0  # instead of a status: nobody listened, or the connection broke


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that others may enter: where we are root, the job database is not."""
    with tempfile.TemporaryDirectory(prefix="tritone-drill-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def tell(figures: str) -> None:
    """Say what was measured; `pytest -s` shows it."""
    sys.stdout.write(f"\n{figures}\n")


def until(holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> float:
    """Return after how many seconds something came true."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < timeout_s, "it never came true"
        time.sleep(0.05)
    return time.monotonic() - began


def status_of(address: str, timeout_s: float = 30.0, **changes: object) -> int:
    """Ask for a sound and return the status."""
    try:
        answer = httpx2.post(f"http://{address}{GENERATE}", json=ASK | changes, timeout=timeout_s)
    except httpx2.TransportError:
        return UNREACHABLE
    return int(answer.status_code)


@dataclass
class Load:
    """Clients that ask for one sound after the other, each in a thread of its own."""

    address: str
    n_clients: int = 4
    changes: Mapping[str, object] = field(default_factory=dict)  # to what is asked for
    answers: list[tuple[int, float, float]] = field(default_factory=list)  # status, began, took
    _stop: threading.Event = field(default_factory=threading.Event)

    def _ask(self, client: int) -> None:
        n = 0
        while not self._stop.is_set():
            n += 1
            began = time.monotonic()
            seed = 1000 * client + n
            status = status_of(self.address, PATIENCE_S, seed=seed, **self.changes)
            self.answers.append((status, began, time.monotonic() - began))
            if status != 200:
                time.sleep(0.1)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for status, _, _ in self.answers)

    @property
    def longest_s(self) -> float:
        return max(took for _, _, took in self.answers)

    def is_served_since(self, moment: float) -> bool:
        """Return whether a sound that was asked for after a moment has been made."""
        return any(status == 200 and began > moment for status, began, _ in self.answers)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(self.n_clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(PATIENCE_S)
            assert not any(thread.is_alive() for thread in threads), "a request hangs"


@dataclass
class Jobs:
    """Jobs of one stack, over HTTP."""

    address: str
    accepted: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)  # statuses

    def submit(self, n: int, **changes: object) -> None:
        """Submit jobs; note which were accepted."""
        for seed in range(n):
            body = {"prompt": "rain", "seconds": 1, "steps": 4, "seed": seed, **changes}
            with suppress(httpx2.TransportError):
                answer = httpx2.post(f"http://{self.address}/jobs", json=body, timeout=30.0)
                if answer.status_code == 202:
                    self.accepted.append(answer.json()["id"])
                else:
                    self.refused.append(answer.status_code)

    def get(self, job_id: str) -> dict[str, Any]:
        """Return a job; empty while it cannot be looked up."""
        with suppress(httpx2.TransportError):
            answer = httpx2.get(f"http://{self.address}/jobs/{job_id}", timeout=30.0)
            if answer.is_success:
                job: dict[str, Any] = answer.json()
                return job
            assert answer.status_code != 404, "a job is lost"
        return {}

    def until_over(self, timeout_s: float = PATIENCE_S) -> float:
        """Wait for the end of every accepted job, hear every file; return the seconds waited."""
        left = list(self.accepted)

        def are_over() -> bool:
            left[:] = [each for each in left if self.get(each).get("status") != "completed"]
            return not left

        waited = until(are_over, timeout_s)
        for job_id in self.accepted:
            (file,) = self.get(job_id)["result"]["files"]
            url = f"http://{self.address}{httpx2.URL(file['url']).raw_path.decode()}"
            with wave.open(io.BytesIO(httpx2.get(url, timeout=30.0).content)) as wav:
                assert wav.getnframes() > 0
        return waited


def prefix_of(stack: Stack) -> str:
    """Return the mark of a stack's processes and shared memory."""
    return str(stack.triton().environ()[INSTANCE_VARIABLE])


def left_behind(prefix: str, folder: Path) -> list[str]:
    """Return what is left of a stack that has ended: processes and shared memory."""
    regions = [str(path) for path in SHARED_MEMORY.glob(f"{prefix}*")]
    return [*regions, *_processes(prefix, folder)]


def _processes(prefix: str, folder: Path) -> Iterable[str]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_database = process.name() == "postgres" and process.cwd().startswith(str(folder))
            if is_database or process.environ().get(INSTANCE_VARIABLE) == prefix:
                yield f"{process.pid} {process.name()}"
