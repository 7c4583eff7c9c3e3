"""`tritone ps`: the processes of the stack that runs in a state folder."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from ops.stack.running_stack import RunningStack
from ops.triton.backend_processes import BackendProcesses

_PROGRAMS = {"tritonserver": "triton", "postgres": "database"}
_MODULES = {"frontend": "frontend", "frontend.jobs": "worker"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProcess:
    """One process of a stack."""

    name: str  # what it is: triton, frontend, worker, database, or a Triton model
    pid: int
    state: str
    memory_bytes: int
    began: float  # seconds since 1970
    ports: tuple[int, ...]  # TCP, that it listens on


def list_processes(stack: RunningStack) -> list[ListedProcess]:
    """Return the stack's processes: `tritone up` itself, its services, Triton's backends."""
    return [
        ListedProcess(
            name=name,
            pid=process.pid,
            state=process.status(),
            memory_bytes=process.memory_info().rss,
            began=process.create_time(),
            ports=_list_ports(process),
        )
        for name, process in _find(stack.pid)
        if process.is_running()
    ]


def _find(pid: int) -> Iterator[tuple[str, psutil.Process]]:
    with suppress(psutil.NoSuchProcess):
        stack = psutil.Process(pid)
        yield "tritone up", stack
        for child in stack.children():
            with suppress(psutil.NoSuchProcess, IndexError):
                name = _PROGRAMS.get(child.name()) or _MODULES.get(child.cmdline()[-1])
                if name is not None:
                    yield name, child
                if name == "triton":
                    living = BackendProcesses().look(child.pid).living
                    yield from ((each.model, each.process) for each in living)


def _list_ports(process: psutil.Process) -> tuple[int, ...]:
    with suppress(psutil.AccessDenied):  # another user's
        sockets = process.net_connections("tcp")
        return tuple(sorted({s.laddr.port for s in sockets if s.status == psutil.CONN_LISTEN}))
    return ()
