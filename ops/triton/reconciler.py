"""Makes Triton run what it should run: compares both every second, and mends the difference.

What should run: the models that the repositories publish, each loaded, each with one living backend
process for every instance. What runs: Triton's index and the process table. Nothing here waits for
an event that could be missed: whatever broke, and whenever, the next comparison finds it.

Triton 24.10 itself notices nothing: it calls a model whose backend process is dead "ready", and a
load whose backend process dies never ends.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CannotStart, TritonCallFailed
from ops.triton.backend_processes import BackendProcesses, Look
from ops.triton.control import TritonControl
from ops.triton.published import Publication, PublishedModel, read_published
from ops.triton.troubles import Troubles, read_files, touch
from tritone.first_line import first_line

_log = logging.getLogger(__name__)

now = time.time  # as the beginnings of processes are given

_PERIOD_S = 1.0
_QUICK_PERIOD_S = 0.2  # while something is under way, and to see whether a process has died
# An orderly unload ends processes, too, a moment before the index tells.
_LACKING_S = 0.4
# A version that an operator takes away is unloaded a moment before its folder goes.
_MISSING_S = 1.5
_STOPPED_S = 3.0  # who stops a process for a moment finds it alive
_STUCK_S = 3.0
_STUB_BACKENDS = frozenset({"python"})
_MOVING = frozenset({"LOADING", "UNLOADING"})

Index = Mapping[str, Mapping[str, str]]
"""State by Triton model and version."""


@dataclass(frozen=True, slots=True)
class Host:
    """The process that is reconciled."""

    pid: Callable[[], int | None]  # of the Triton that runs now
    restart: Callable[[], None]  # kill it; the supervisor starts a new one


@dataclass(frozen=True, slots=True)
class _Load:
    task: asyncio.Task[None]
    models: tuple[str, ...]  # Triton models that it may start processes of
    began: float


class Reconciler:
    """One Triton, through all its restarts. Make it inside a running event loop."""

    def __init__(self, repositories: Sequence[Path], control: TritonControl, host: Host) -> None:
        self.processes = BackendProcesses()
        self.last = Look()
        self._repositories = repositories
        self._control = control
        self._host = host
        self._pid: int | None = None
        self._troubles = Troubles()
        self._loads: dict[str, _Load] = {}
        self._since: dict[tuple[str, str], float] = {}  # when each oddity was first seen
        self._instances: dict[str, int] = {}  # backend processes of each version, by model
        self._index: Index = {}
        self._publication = Publication()
        self._is_settled = self._was_settled = False

    async def run(self) -> None:
        """Compare and mend until cancelled."""
        try:
            while True:
                try:
                    await self.reconcile()
                except Exception:  # a mistake of ours must not end all healing
                    _log.exception("the comparison failed; the next one comes")
                await self._pause()
        finally:
            self._cancel_loads()

    async def is_settled(self) -> bool:
        """Return whether every published model is loaded, or known not to load.

        Raises:
            CannotStart: not one loads, and none ever did.
        """
        if not self._is_settled or self._host.pid() != self._pid:
            return False
        reasons = self._troubles.reasons()
        if not self._was_settled and not self._list_served():
            why = "; ".join(f"{model}: {reason}" for model, reason in reasons.items())
            raise CannotStart(f"no model can be loaded: {why}")
        self._was_settled = True
        return True

    async def reconcile(self) -> None:
        """Compare once, and begin to mend what differs."""
        pid = self._host.pid()
        if pid != self._pid:
            self._begin(pid)
        if pid is None:
            return
        self.last = self.processes.look(pid)
        self._seen: set[tuple[str, str]] = set()
        self._kill_stopped()
        self._publication = read_published(self._repositories)
        try:
            index: Index = await self._control.index()
        except TritonCallFailed:
            return  # it starts or dies: that is the supervisor's business
        if self._is_stuck(index):
            self._host.restart()
            return
        await self._heal(index)
        self._load_missing(index)
        self._end_troubles(index)
        self._since = {key: at for key, at in self._since.items() if key in self._seen}

    def _begin(self, pid: int | None) -> None:
        self._cancel_loads()
        self._troubles.clear()
        self._since.clear()
        self._instances.clear()
        self._pid, self._is_settled, self._index = pid, False, {}

    def _cancel_loads(self) -> None:
        for load in self._loads.values():
            load.task.cancel()
        self._loads.clear()

    async def _pause(self) -> None:
        for _ in range(round(_PERIOD_S / _QUICK_PERIOD_S)):
            await asyncio.sleep(_QUICK_PERIOD_S)
            if self._is_busy() or self.processes.has_changed() or self._host.pid() != self._pid:
                return

    def _is_busy(self) -> bool:
        hopeless = self._troubles.reasons()
        oddities = [subject for _, subject in self._since if subject not in hopeless]
        return bool(not self._is_settled or self._loads or oddities)

    # Processes

    def _kill_stopped(self) -> None:
        for each in self.last.living:
            if self._lasts("stopped", str(each.process.pid), _STOPPED_S, is_so=each.is_stopped):
                _log.error("a backend process of %s is stopped: killing it", each.model)
                each.kill()

    def _is_stuck(self, index: Index) -> bool:
        """Return whether Triton waits for ever for a backend process that died while it loaded."""
        loads = {name: (load.models, load.began) for name, load in self._loads.items()}
        for model, versions in index.items():  # also those that others asked for
            is_loading = "LOADING" in versions.values()
            began = self._since.get(("loading", model), now())
            if self._lasts("loading", model, 0.0, is_so=is_loading):
                loads.setdefault(model, ((model,), began))
        stuck = []
        for name, (models, began) in loads.items():
            died = _has_lost(self.last, models, began)
            if self._lasts("stuck", name, _STUCK_S, is_so=died):
                stuck.append(name)
        for name in stuck:
            _log.error("a backend process of %s died while it loaded: restarting Triton", name)
        return bool(stuck)

    async def _heal(self, index: Index) -> None:
        for model, versions in index.items():
            states = list(versions.values())
            is_steady = "READY" in states and not _MOVING & set(states) and model not in self._loads
            lacks = is_steady and await self._lacks_process(model, states.count("READY"))
            if self._lasts("lacking", model, _LACKING_S, is_so=lacks) and self._is_due(model, ()):
                _log.warning("a backend process of %s has died; loading the model again", model)
                self._start_load(model, (model,), is_healing=True)

    async def _lacks_process(self, model: str, n_versions: int) -> bool:
        n_living = self.last.n_living()[model]
        if model not in self._instances or n_living < n_versions * self._instances[model]:
            self._instances[model] = await self._n_instances(model)  # it may have been changed
        return n_living < n_versions * self._instances[model]

    async def _n_instances(self, model: str) -> int:
        """Return how many backend processes each version of a model has; 0: it needs none."""
        try:
            config = await self._control.config(model)
        except TritonCallFailed:
            return 0
        if config.backend not in _STUB_BACKENDS and config.runtime != "model.py":
            return 0
        return sum(max(1, group.count) for group in config.instance_group)

    def _lasts(self, oddity: str, subject: str, seconds: float, *, is_so: bool) -> bool:
        """Return whether something odd has been so for a while, without a break."""
        key = (oddity, subject)
        if not is_so:
            self._since.pop(key, None)
            return False
        self._seen.add(key)
        return now() - self._since.setdefault(key, now()) >= seconds

    # Models

    def _targets(self) -> dict[str, tuple[str, ...]]:
        """Return what is to be loaded, and the Triton models that its load may concern.

        Ensembles with a broken part, too: what Triton says of them is what frontends show.
        """
        targets: dict[str, tuple[str, ...]] = {name: (name,) for name in self._publication.broken}
        for model in self._publication.models:
            targets |= {callee: (callee,) for callee in model.callees}
            targets[model.name] = (*model.components, model.name)
        return targets

    def _load_missing(self, index: Index) -> None:
        pending = False
        for name, models in self._targets().items():
            states = set(index.get(name, {}).values())
            is_missing = (
                not states & {"READY", *_MOVING}
                and name not in self._loads
                and not self._was_taken_away(name)
            )
            wait_s = _MISSING_S if self._is_settled else 0.0
            lasts = self._lasts("missing", name, wait_s, is_so=is_missing)
            if lasts and self._is_due(name, models):
                self._start_load(name, models, is_healing=False)
            if "READY" in states:
                continue
            pending |= not self._troubles.is_hopeless(name)
        self._is_settled = self._is_settled or not pending
        self._index = index

    def _was_taken_away(self, name: str) -> bool:
        """Return whether an operator, who may not see our files, has ended a version's trial."""
        candidates = {model.name for model in self._publication.models if model.is_candidate}
        return self._is_settled and name in candidates and name not in self._troubles.reasons()

    def _end_troubles(self, index: Index) -> None:
        for model in self._troubles.reasons():
            is_whole = "READY" in index.get(model, {}).values() and model not in self._loads
            if is_whole and ("lacking", model) not in self._since and self._troubles.end(model):
                _log.info("%s is loaded again", model)
            elif model not in index and model not in self._targets():
                self._troubles.end(model)

    def _is_due(self, name: str, models: Sequence[str]) -> bool:
        names = models or (name,)
        return self._troubles.is_due(name, lambda: read_files(self._repositories, names))

    def _start_load(self, name: str, models: tuple[str, ...], *, is_healing: bool) -> None:
        _log.info("loading %s", name)
        began = now()
        task = asyncio.create_task(self._load(name, models, began, is_healing=is_healing))
        self._loads[name] = load = _Load(task, models, began)

        def end(_: asyncio.Task[None]) -> None:
            if self._loads.get(name) is load:
                del self._loads[name]

        task.add_done_callback(end)

    async def _load(
        self, name: str, models: tuple[str, ...], began: float, *, is_healing: bool
    ) -> None:
        pid = self._pid
        try:
            self._touch(models, is_healing=is_healing)
            await self._control.load(name)
        except TritonCallFailed as error:
            if pid != self._host.pid():
                return  # Triton died meanwhile: that says nothing of the model
            reason = self._publication.broken.get(name) or first_line(str(error))
            files = read_files(self._repositories, models)
            died = pid is not None and _has_lost(self.processes.look(pid), models, began)
            if self._troubles.add(name, reason, files, is_accident=died):
                _log.error("%s cannot be loaded: %s", name, reason)
            if is_healing:
                await self._let_go(name, pid)
        else:
            if is_healing:
                _log.info("%s is healed", name)

    async def _let_go(self, name: str, pid: int | None) -> None:
        """Unload a model that is dead and cannot be loaded again.

        Triton would go on calling the dead one ready, and tell nobody why the load failed.
        """
        if pid is not None and not self.processes.look(pid).of(name):
            with suppress(TritonCallFailed):
                await self._control.unload(name)

    def _touch(self, models: tuple[str, ...], *, is_healing: bool) -> None:
        """Make Triton read files again that it has read: it skips those that look the same."""
        failed = {
            model
            for model in models
            if self._index.get(model) and "READY" not in self._index[model].values()
        }
        try:
            for model in models if is_healing else failed:
                touch(self._repositories, model)
        except OSError as error:
            if is_healing:
                _log.error("files cannot be touched (%s): restarting Triton", error)
                self._host.restart()

    def _list_served(self) -> list[PublishedModel]:
        return [
            model
            for model in self._publication.models
            if "READY" in self._index.get(model.name, {}).values()
        ]


def _has_lost(look: Look, models: Sequence[str], began: float) -> bool:
    """Return whether a backend process has died that began with a load of some models."""
    return any(
        each.began >= began - _PERIOD_S and each.model in {None, *models} for each in look.dead
    )
