"""Processor time of the product's processes, by what they are."""

import re
from collections import defaultdict

import psutil

from benchmarks.processes import family, processor_s

LOAD = "load generator"
_STUB = re.compile(r"^(?P<model>\w+)_\d+_\d+$")
_MODULES = {"frontend": "frontend", "frontend.jobs": "worker", "tritonserver": "tritonserver"}


def seconds_by_role(server: psutil.Process) -> dict[str, float]:
    """Return what the load generator (this process), the server and its children have used."""
    used = defaultdict(float, {LOAD: processor_s(psutil.Process())})
    for process in family(server):
        try:
            used[role(process.cmdline())] += processor_s(process)
        except psutil.NoSuchProcess:
            continue
    return dict(used)


def role(command: list[str]) -> str:
    """Return what a process of the stack is: a model's backend process, a service, `tritone up`."""
    for word in command:
        if found := _STUB.match(word):
            return found["model"]
        name = word.rsplit("/", 1)[-1]
        if name in _MODULES:
            return _MODULES[name]
    return "tritone up"
