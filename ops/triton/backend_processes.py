"""The process table as far as it concerns one Triton: its backend processes, and whose they are."""

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.triton.backend_directory import STUB

_MOST_BYTES = 64 * 1024  # of the process ids of one thread's children


@dataclass(frozen=True, slots=True)
class BackendProcess:
    """A living process that runs an instance of a Triton model."""

    model: str
    process: psutil.Process
    is_stopped: bool = False  # somebody has sent it SIGSTOP

    def kill(self) -> None:
        """End it at once."""
        with suppress(psutil.NoSuchProcess):
            self.process.kill()


@dataclass(frozen=True, slots=True)
class DeadProcess:
    """A process that has ended and that Triton has not reaped."""

    model: str | None  # None: it was never seen alive
    began: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Look:
    """What the process table held at one moment."""

    living: tuple[BackendProcess, ...] = ()
    dead: tuple[DeadProcess, ...] = ()

    def n_living(self) -> Counter[str]:
        """Return how many processes each model has."""
        return Counter(each.model for each in self.living)

    def of(self, model: str) -> list[psutil.Process]:
        """Return the processes of a model."""
        return [each.process for each in self.living if each.model == model]


class BackendProcesses:
    """Finds the backend processes of one Triton. Triton 24.10 neither restarts nor reaps them."""

    def __init__(self) -> None:
        """Know none yet."""
        self._models: dict[psutil.Process, str] = {}  # a zombie's own command line is empty
        self._last = Look()

    def look(self, server_pid: int) -> Look:
        """Return what lives now; nothing where the server is gone."""
        living: list[BackendProcess] = []
        dead: list[DeadProcess] = []
        models: dict[psutil.Process, str] = {}
        for child in _children(server_pid):
            with suppress(psutil.NoSuchProcess):
                status, model = child.status(), self._models.get(child)
                if status == psutil.STATUS_ZOMBIE:
                    dead.append(DeadProcess(model, child.create_time()))
                else:
                    model = model or _model_of(child)
                    is_stopped = status == psutil.STATUS_STOPPED
                    living += [BackendProcess(model, child, is_stopped)] if model else []
                if model:
                    models[child] = model
        self._models, self._last = models, Look(tuple(living), tuple(dead))
        return self._last

    def has_changed(self) -> bool:
        """Return whether one of the last look has ended or been stopped; costs next to nothing."""
        return any(_has_changed(each) for each in self._last.living)


def _has_changed(each: BackendProcess) -> bool:
    try:
        status = each.process.status()
    except psutil.NoSuchProcess:
        return True
    return status == psutil.STATUS_ZOMBIE or (status == psutil.STATUS_STOPPED) != each.is_stopped


def _children(server_pid: int) -> list[psutil.Process]:
    folder = f"/proc/{server_pid}/task"
    try:
        files = [f"{folder}/{task}/children" for task in os.listdir(folder)]
        pids = [pid for file in files for pid in _read_words(file)]
    except OSError:  # it is gone, or this kernel does not tell
        return _search_children(server_pid)
    found = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(int(pid)))
    return found


def _read_words(path: str) -> list[bytes]:
    # Hundreds of times a second, for each thread of Triton: `Path` takes four times as long.
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, _MOST_BYTES).split()
    finally:
        os.close(file)


def _search_children(server_pid: int) -> list[psutil.Process]:
    """Return the same from the whole process table, which takes 20 ms."""
    try:
        return psutil.Process(server_pid).children()
    except psutil.NoSuchProcess:
        return []


def _model_of(process: psutil.Process) -> str | None:
    # `<stub> <model file> <region> ... <model>_<instance>_<device> <backend directory>`
    command = process.cmdline()
    if Path(next(iter(command), "")).name != STUB:  # just forked, not yet a stub
        return None
    return command[-2].rsplit("_", 2)[0]
