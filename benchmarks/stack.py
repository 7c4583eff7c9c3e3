"""Starts the product as a user would, and reads what its processes cost."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.processes import family, free_port, running

LOGS = Path("work/benchmarks")
READY_TIMEOUT_S = 120.0
_READY = re.compile(r"^ready: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stack:
    """A running `tritone up`."""

    url: str  # of the frontend
    grpc_url: str  # of Triton, host:port
    metrics_url: str  # of Triton's metrics
    ready_s: float  # from the command to its "ready" line
    process: psutil.Process

    def memory_bytes(self) -> int:
        """Return the proportional set size of all processes: shared pages count once."""
        return self.memory()[0]

    def memory(self) -> tuple[int, int, int]:
        """Return the proportional and the resident set size in bytes, and the processes."""
        pss = rss = n_processes = 0
        for process in family(self.process):
            try:
                memory = process.memory_full_info()
            except psutil.NoSuchProcess:
                continue
            pss, rss, n_processes = pss + memory.pss, rss + memory.rss, n_processes + 1
        return pss, rss, n_processes


@contextmanager
def running_stack(
    name: str, *, repository: Path | None = None, jobs: bool = False, **environment: str
) -> Iterator[Stack]:
    """Run the product on free ports, with a state of its own, for the length of the block.

    Args:
        name: its log is `work/benchmarks/<name>.log`.
        repository: the models to serve; None: the bundled ones.
        jobs: whether it starts a database, so that contracts of jobs are answered.
        environment: further `TRITONE_*` variables.

    Raises:
        NotReady: it did not become ready.
    """
    log = LOGS / f"{name}.log"
    with tempfile.TemporaryDirectory(prefix="tritone-benchmark-") as state:
        # PostgreSQL does not run as root: the unprivileged user must be able to enter.
        Path(state).chmod(0o755)
        grpc, metrics = free_port(), free_port()
        variables = {
            "TRITONE_PORT": "0",
            "TRITONE_STATE_DIRECTORY": str(Path(state, "run")),
            "TRITONE_TRITON__GRPC_PORT": str(grpc),
            "TRITONE_TRITON__METRICS_PORT": str(metrics),
            "TRITONE_JOBS__EMBEDDED": str(jobs).lower(),
            **({"TRITONE_MODEL_REPOSITORY": str(repository.absolute())} if repository else {}),
            **environment,
        }
        started = time.monotonic()
        with running(
            [str(Path(sys.executable).parent / "tritone"), "up"],
            log=log,
            environment={**os.environ, **variables},
            is_ready=lambda: _ready_url(log) is not None,
            timeout_s=READY_TIMEOUT_S,
        ) as process:
            ready_s = time.monotonic() - started
            url = _ready_url(log) or ""
            yield Stack(
                url, f"127.0.0.1:{grpc}", f"http://127.0.0.1:{metrics}/metrics", ready_s, process
            )


def _ready_url(log: Path) -> str | None:
    found = _READY.search(log.read_text(errors="replace"))
    return found[1] if found else None
