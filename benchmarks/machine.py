"""What the figures were measured on; no host name."""

import os
import platform
import subprocess
from pathlib import Path

import psutil

_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    """Return commit, cores, memory, processor and Python."""
    return {
        "commit": _commit(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "python": platform.python_version(),
    }


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ("git", *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    # Results lie in the checkout themselves: writing one part must not make the next one "changed".
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!*/results/*")
    return git("rev-parse", "--short", "HEAD") + (" (changed)" if changed else "")


def _processor() -> str:
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
