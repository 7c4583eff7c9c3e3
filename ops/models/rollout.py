"""Changes what Triton serves of one model, in steps each of which leaves every request an answer.

A version is loaded beside the one that serves, as an ensemble of its own; the switch is one load of
the model's ensemble, which Triton exchanges as a whole; what nobody needs is unloaded last.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ops.errors import TritonCallFailed
from ops.models import configs
from ops.models.errors import ModelsError, Refused
from ops.models.served import (
    READY,
    UNLOADING,
    Served,
    States,
    list_loaded,
    read,
    states,
)
from ops.polling import within
from ops.triton.control import TritonControl
from tritone.card import SPEAKER, component_name
from tritone.first_line import first_line
from tritone.versions import Lineup, candidate_name

_TAKEN_BACK = "is not loaded"  # what Triton says of an ensemble's component


class Rollout:
    """The versions of one model on one Triton."""

    def __init__(
        self, control: TritonControl, served: Served, timeout_s: float, look_s: float
    ) -> None:
        """Change nothing yet; `timeout_s` bounds each load and each wait.

        `look_s`: until every frontend has seen a change, and sends no more requests as before.
        """
        self._control = control
        self._timeout_s = timeout_s
        self._look_s = look_s
        self._staged: set[int] = set(served.lineup.candidates)
        self._plans = dict(served.lineup.plans)
        self.served = served

    def note_plans(self, plans: Mapping[int, Sequence[str]]) -> None:
        """Know which networks of which versions are TensorRT plans, where manifests do not say."""
        self._plans |= {version: tuple(networks) for version, networks in plans.items()}

    async def stage(self, version: int, manifest: bytes, plans: Sequence[str] = ()) -> str:
        """Load a version beside the others; return the Triton name under which it answers.

        `plans` are its networks that are TensorRT plans.

        Raises:
            Refused: it does not load; everything is as it was.
        """
        if not self.served.is_pinned:  # -1 is "the newest loaded": it would be served untried
            await self._switch(self.served.version, self.served.lineup)
        if plans:
            self._plans[version] = tuple(plans)
        name = candidate_name(self.served.name, version)
        candidate = configs.candidate(self.served.config, version, self._plans.get(version, ()))
        config = configs.as_override(candidate)
        for is_last in (False, True):
            await self._load_components({*self.served.loaded, version})
            self._staged.add(version)
            try:
                await self._load(name, config, {f"{version}/manifest.json": manifest})
            except TritonCallFailed as error:
                # Healing may have reloaded a component from its file between our look and our load.
                if is_last or _TAKEN_BACK not in str(error):
                    await self.unstage(version)
                    raise Refused(f"{name} does not load: {first_line(str(error))}") from error
            else:
                break
        return name

    async def unstage(self, version: int) -> None:
        """Undo `stage`: nobody was sent to the version yet."""
        self._staged.discard(version)
        with suppress(TritonCallFailed):
            await self._control.unload(candidate_name(self.served.name, version))
        await self._set_versions(self.served.loaded)

    async def settle(self, version: int, lineup: Lineup) -> None:
        """Let a version answer, with others beside it. Candidates have been staged.

        Raises:
            ModelsError: it was not possible; what answered does so still.
        """
        before, wanted = self.served, list_loaded(version, lineup)
        plans = {each: found for each, found in self._plans.items() if each in wanted}
        lineup = replace(lineup, plans=plans)
        await self._load_components(before.loaded | wanted)
        await self._switch(version, lineup)
        leaving = self._staged - lineup.candidates.keys()
        if any(before.lineup.candidates.get(each) for each in leaving):
            await asyncio.sleep(self._look_s)  # what they still send would count as its failures
        for gone in leaving:
            await self._control.unload(candidate_name(before.name, gone))
        self.served = await read(self._control, before.name)

    async def tidy(self) -> None:
        """Unload what is not needed any more, once no request needs it.

        Raises:
            ModelsError: requests still run; the versions stay loaded.
        """
        wanted = self._wanted(self.served.loaded)
        leaving = {model: _ready(self.served.states, model) - wanted[model] for model in wanted}
        if any(leaving.values()):
            await self._until_idle(leaving.get(component_name(self.served.name, SPEAKER), set()))
            await self._set_versions(self.served.loaded)

    def _models(self, version: int) -> tuple[str, ...]:
        plans = self._plans.get(version, ())
        return configs.models_of(self.served.name, self.served.components, plans)

    def _wanted(self, versions: Iterable[int]) -> dict[str, set[int]]:
        """Return which versions of each Triton model these versions need; of some: none."""
        known = {*self._plans, *versions, self.served.version}
        found: dict[str, set[int]] = {
            model: set() for each in sorted(known) for model in self._models(each)
        }
        for each in versions:
            for model in self._models(each):
                found[model].add(each)
        return found

    async def _switch(self, version: int, lineup: Lineup) -> None:
        # An ensemble whose components are missing is not refused but taken down: look first.
        await self._check_loaded({version})
        config = configs.serving(self.served.config, version, lineup)
        try:
            await self._load(self.served.name, configs.as_override(config))
        except TritonCallFailed as error:
            raise ModelsError(
                f"{self.served.name} was not switched: {first_line(str(error))}"
            ) from error

    async def _load_components(self, versions: Iterable[int]) -> None:
        try:
            await self._until_out(versions)
            # Also those that are loaded: whenever an ensemble is loaded, Triton loads anew, as
            # their files say, its components whose files are newer (renamed, linked or touched,
            # too). That can be without the version that serves; what is loaded now is newest.
            await self._set_versions(versions, are_loaded_again=True)
            await self._check_loaded(versions)
        except (TritonCallFailed, Refused) as error:
            with suppress(TritonCallFailed):
                await self._set_versions(self.served.loaded)
            if isinstance(error, Refused):
                raise
            raise Refused(first_line(str(error)) + await self._consequence()) from error

    async def _consequence(self) -> str:
        if await self._control.is_server_ready():
            return ""
        return (
            " (Triton's /v2/health/ready fails until that version loads or Triton restarts; its "
            "models are ready)"
        )

    async def _set_versions(
        self, versions: Iterable[int], *, are_loaded_again: bool = False
    ) -> None:
        found = await states(self._control)
        for model, wanted in self._wanted(versions).items():
            ready = _ready(found, model)
            if not wanted:
                if ready:
                    await self._control.unload(model)
            elif are_loaded_again or ready != wanted:
                if not ready:  # Triton tells the configuration of loaded models only
                    await self._control.load(model, timeout_s=self._timeout_s)
                config = await self._control.config(model)
                changed = configs.with_versions(config, wanted)
                await self._load(model, configs.as_override(changed))

    async def _check_loaded(self, versions: Iterable[int]) -> None:
        found = await states(self._control)
        for version in versions:
            for component in self._models(version):
                state = found.get(component, {}).get(version)
                if state is None:
                    raise Refused(
                        f"Triton finds no version {version} of {component} in its repository"
                    )
                if state.state != READY:
                    raise Refused(f"version {version} of {component} is {state.state.lower()}")

    async def _until_out(self, versions: Iterable[int]) -> None:
        """A version that is on its way out is not loaded again before its requests have ended."""
        wanted = set(versions)

        async def are_out() -> bool:
            leaving = await self._unloading(self._wanted(wanted))
            return leaving.isdisjoint(wanted)

        if not await within(self._timeout_s, are_out):
            raise Refused(f"a version is still unloading after {self._timeout_s:g} s; try later")

    async def _until_idle(self, speakers: Iterable[int]) -> None:
        """Return when no request needs what leaves; `speakers` are versions of a voice that do."""
        name, versions = self.served.name, [*map(str, speakers)]

        async def is_idle() -> bool:
            if await self._unloading([name]):
                return False
            return not versions or not await self._control.count_texts(name, versions)

        if not await within(self._timeout_s, is_idle):
            raise ModelsError(
                f"requests to an older version of {self.served.name} still run after "
                f"{self._timeout_s:g} s; it stays loaded, unload it later"
            )

    async def _unloading(self, models: Iterable[str]) -> set[int]:
        found = await states(self._control)
        return {
            version
            for model in models
            for version, state in found.get(model, {}).items()
            if state.state == UNLOADING
        }

    async def _load(self, model: str, config: str, files: dict[str, bytes] | None = None) -> None:
        await self._control.load(model, config=config, files=files, timeout_s=self._timeout_s)


def _ready(found: States, model: str) -> set[int]:
    versions = found.get(model, {})
    return {version for version, state in versions.items() if state.state == READY}
