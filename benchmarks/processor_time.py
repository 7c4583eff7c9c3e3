"""Processor time of the product's processes, by what they are."""

import re
from collections import defaultdict

import psutil

LOAD = "load generator"
_STUB = re.compile(r"^(?P<model>\w+)_\d+_\d+$")
_MODULES = {"frontend": "frontend", "frontend.jobs": "worker", "tritonserver": "tritonserver"}


def seconds_by_role(server: psutil.Process) -> dict[str, float]:
    """Return what the load generator (this process), the server and its children have used."""
    used = defaultdict(float, {LOAD: _seconds(psutil.Process())})
    for process in (server, *server.children(recursive=True)):
        try:
            used[role(process.cmdline())] += _seconds(process)
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


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
