"""Notices a dead backend process and loads its model again.

Triton 24.10 does not: the model and the server stay "ready" while every request to it fails or, in
a decoupled model, hangs. Nor does it reap the process, which tells a death from an orderly end.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from ops.errors import TritonCallFailed
from ops.triton.backend_directory import STUB
from ops.triton.control import TritonControl

_log = logging.getLogger(__name__)

_POLL_S = 0.25
_SEARCH_S = 1.0  # finding children reads every process of the machine: not at each look
_ALERT_S = 10.0  # after a death, whose successor may die, too
# Triton reaps what ends at its word, a moment later. To heal that would load the model as its file
# says, and so take back a version that is being loaded beside the one that serves.
_REAPED_WITHIN_S = 0.4


class StubWatch:
    """The backend processes of one Triton."""

    def __init__(self, server_pid: int) -> None:
        """Watch the children of a process."""
        self._server = psutil.Process(server_pid)
        self._models: dict[psutil.Process, str] = {}  # living backend processes
        self._ended: dict[psutil.Process, tuple[str, float]] = {}  # model, when first seen so
        self._told: set[psutil.Process] = set()  # deaths, and strangers, of earlier looks
        self.has_new_strangers = False  # at the last look: the model of some death is not known
        self._search_at = self._alert_until = 0.0

    def models(self) -> list[str]:
        """Return the models of the backend processes that lived at the last look."""
        return list(self._models.values())

    def processes(self, model: str) -> list[psutil.Process]:
        """Return the backend processes of a model that lived at the last look."""
        return [process for process, name in self._models.items() if name == model]

    def dead_models(self) -> list[str]:
        """Return the models of the backend processes that died since the last call.

        Those that are known are looked at each time, new ones are looked for now and then.
        """
        now = time.monotonic()
        living: dict[psutil.Process, str] = {}
        ended: dict[psutil.Process, tuple[str, float]] = {}
        strangers: set[psutil.Process] = set()
        for child in self._children(now):
            known = self._models.get(child)  # a zombie's own command line is empty
            with suppress(psutil.NoSuchProcess):
                if child.status() != psutil.STATUS_ZOMBIE:
                    if model := known or _model_of(child):
                        living[child] = model
                elif known:
                    ended[child] = known, now
                elif child in self._ended:
                    ended[child] = self._ended[child]
                elif child not in self._told:  # it ended before it was seen alive
                    strangers.add(child)
        self.has_new_strangers = bool(strangers)
        dead = {child for child, (_, at) in ended.items() if now - at >= _REAPED_WITHIN_S}
        self._models = living
        self._ended = {child: ended[child] for child in ended.keys() - dead}
        self._told |= strangers | dead
        if dead:
            self._alert_until = now + _ALERT_S
        return [ended[child][0] for child in dead]

    def _children(self, now: float) -> list[psutil.Process]:
        if now >= self._search_at or now < self._alert_until or not self._models:
            self._search_at = now + _SEARCH_S
            return self._server.children()
        return [*self._models, *self._ended]


def _model_of(process: psutil.Process) -> str | None:
    # `<stub> <model file> <region> ... <model>_<instance>_<device> <backend directory>`
    command = process.cmdline()
    if Path(next(iter(command), "")).name != STUB:  # just forked, not yet a stub
        return None
    return command[-2].rsplit("_", 2)[0]


async def heal_forever(
    server_pid: int, repositories: Sequence[Path], control: TritonControl, models: set[str]
) -> None:
    """Reload every model whose backend process dies, until the server is gone.

    `models` are those that ever had one; new ones are added.
    """
    watch = StubWatch(server_pid)
    with suppress(psutil.NoSuchProcess):
        while True:
            dead = watch.dead_models()
            if watch.has_new_strangers:  # it died before it was seen: whose it was, its lack says
                await asyncio.sleep(_REAPED_WITHIN_S)
                dead += watch.dead_models()
                lacking = models.difference(watch.models(), dead)
                dead += [model for model in lacking if await control.is_ready([model])]
            for model in dead:
                await heal(model, repositories, control)
            models.update(watch.models())
            await asyncio.sleep(_POLL_S)


async def heal(model: str, repositories: Sequence[Path], control: TritonControl) -> None:
    """Load a model again, with a new process for each of its instances."""
    _log.warning("a backend process of %s has died; loading the model again", model)
    try:
        for repository in repositories:
            touch(repository / model)
        await control.load(model)
    except (OSError, TritonCallFailed) as error:
        _log.error("%s was not healed: %s", model, error)
    else:
        _log.info("%s is healed", model)


def touch(model_folder: Path) -> None:
    """Make Triton see the model's versions as changed; without that, loading does nothing."""
    for path in model_folder.glob("[0-9]*/*"):
        path.touch()
