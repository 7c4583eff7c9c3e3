"""Notices a dead backend process and loads its model again.

Triton 24.10 does not: the model and the server stay "ready" while every request to it fails or, in
a decoupled model, hangs. Nor does it reap the process, which tells a death from an orderly end.
"""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import psutil

from ops.backend_directory import STUB
from ops.triton_control import TritonControl, TritonError

_log = logging.getLogger(__name__)

_POLL_S = 0.25


class StubWatch:
    """The backend processes of one Triton."""

    def __init__(self, server_pid: int) -> None:
        """Watch the children of a process."""
        self._server = psutil.Process(server_pid)
        self._models: dict[int, str] = {}  # living backend processes

    def models(self) -> list[str]:
        """Return the models of the backend processes that lived at the last look."""
        return list(self._models.values())

    def processes(self, model: str) -> list[psutil.Process]:
        """Return the backend processes of a model that lived at the last look."""
        found = []
        for pid, name in self._models.items():
            with suppress(psutil.NoSuchProcess):
                found += [psutil.Process(pid)] if name == model else []
        return found

    def dead_models(self) -> list[str]:
        """Return the models of the backend processes that died since the last call."""
        dead = []
        living: dict[int, str] = {}
        for child in self._server.children():
            known = self._models.get(child.pid)  # a zombie's own command line is empty
            with suppress(psutil.NoSuchProcess):
                if child.status() == psutil.STATUS_ZOMBIE:
                    dead += [known] if known else []
                elif model := known or _model_of(child):
                    living[child.pid] = model
        self._models = living
        return dead


def _model_of(process: psutil.Process) -> str | None:
    # `<stub> <model file> <region> ... <model>_<instance>_<device> <backend directory>`
    command = process.cmdline()
    if Path(next(iter(command), "")).name != STUB:  # just forked, not yet a stub
        return None
    return command[-2].rsplit("_", 2)[0]


async def heal_forever(server_pid: int, repository: Path, control: TritonControl) -> None:
    """Reload every model whose backend process dies, until the server is gone."""
    watch = StubWatch(server_pid)
    with suppress(psutil.NoSuchProcess):
        while True:
            for model in watch.dead_models():
                await heal(model, repository, control)
            await asyncio.sleep(_POLL_S)


async def heal(model: str, repository: Path, control: TritonControl) -> None:
    """Load a model again, with a new process for each of its instances."""
    _log.warning("a backend process of %s has died; loading the model again", model)
    try:
        touch(repository / model)
        await control.load(model)
    except (OSError, TritonError) as error:
        _log.error("%s was not healed: %s", model, error)
    else:
        _log.info("%s is healed", model)


def touch(model_folder: Path) -> None:
    """Make Triton see the model's versions as changed; without that, loading does nothing."""
    for path in model_folder.glob("[0-9]*/*"):
        path.touch()
