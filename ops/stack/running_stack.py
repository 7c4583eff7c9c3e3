"""Where the running `tritone up` of a state directory is, for commands beside it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tritone.placement import CPU

_FILE = "stack.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """Addresses of a stack. None: it has no such part, or somebody else runs it."""

    pid: int  # of `tritone up`
    triton: str  # gRPC, host:port
    triton_metrics: str | None  # URL
    frontend: str | None  # URL
    model_repository: str | None  # folder
    workers: tuple[str, ...] = ()  # URLs of their metrics
    device: str = CPU  # where our own backends compute


@contextmanager
def announce(state_directory: Path, stack: RunningStack) -> Iterator[None]:
    """Let others find the stack while it runs."""
    path = state_directory / _FILE
    state_directory.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{_FILE}.{os.getpid()}")
    fresh.write_text(json.dumps(asdict(stack), indent=1) + "\n", encoding="utf-8")
    fresh.rename(path)
    try:
        yield
    finally:
        found = find(state_directory)
        if found is not None and found.pid == stack.pid:  # not a later stack's
            path.unlink(missing_ok=True)


def find(state_directory: Path) -> RunningStack | None:
    """Return the stack that runs with a state directory, or None."""
    try:
        found = json.loads((state_directory / _FILE).read_text("utf-8"))
        stack = RunningStack(**{**found, "workers": tuple(found.get("workers", ()))})
    except (OSError, ValueError, TypeError):
        return None
    return stack if psutil.pid_exists(stack.pid) else None
