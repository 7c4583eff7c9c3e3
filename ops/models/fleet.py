"""Versions over a fleet: stated once, applied one Triton after another, taken back everywhere.

Each Triton changes as with one (`Operator`): tried beside what serves, switched in one stroke.
"""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ops.errors import TritonCallFailed
from ops.models.actions import LOOK_TAKES_S, Operator, Say
from ops.models.errors import ModelsError
from ops.models.fleet_store import FleetStore
from ops.models.served import Served, list_loaded, read
from tritone.environment import DEFAULT_REFRESH_S
from tritone.first_line import first_line
from tritone.fleet import Wanted
from tritone.versions import Lineup

_BEHIND = " is behind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Every Triton of a pool, and where it is stated what they shall serve."""

    operators: Mapping[str, Operator]  # by address, in the order of changes
    store: FleetStore
    look_s: float = DEFAULT_REFRESH_S + LOOK_TAKES_S  # until frontends have read what is stated
    say: Say = lambda _stage: None

    async def promote(self, model: str, version: int) -> Wanted:
        """Let a version answer everywhere; where one Triton refuses it, nowhere.

        Raises:
            ModelsError: it was not possible; what served everywhere does so still.
        """
        async with self.store.locked():
            now = await self._now(model)
            candidates = _without(now.lineup, version)
            previous = now.lineup.previous if version == now.version else now.version
            lineup = Lineup(previous=previous, candidates=candidates)
            return await self._change(model, Wanted(version=version, lineup=lineup))

    async def rollback(self, model: str) -> Wanted:
        """Let the version before answer everywhere.

        Raises:
            ModelsError: there is none, or it was not possible.
        """
        async with self.store.locked():
            now = await self._now(model)
            if now.lineup.previous is None:
                raise ModelsError(f"the fleet has no version of {model} to roll back to")
            lineup = replace(now.lineup, previous=now.version)
            return await self._change(model, Wanted(version=now.lineup.previous, lineup=lineup))

    async def canary(self, model: str, version: int, share: float) -> Wanted:
        """Send a share of the requests of every Triton to a version.

        Raises:
            ModelsError: it serves, there is not so much left to share, or it was not possible.
        """
        async with self.store.locked():
            now = await self._now(model)
            others = _without(now.lineup, version)
            if version == now.version:
                raise ModelsError(f"version {version} of {model} serves; choose another one")
            if sum(others.values()) + share > 1:
                raise ModelsError(f"the other candidates of {model} get too much already")
            lineup = replace(now.lineup, candidates={**others, version: share})
            return await self._change(model, Wanted(version=now.version, lineup=lineup))

    async def load(self, model: str, version: int) -> Wanted:
        """Load a version beside the one that serves; it gets no requests.

        Raises:
            ModelsError: it was not possible.
        """
        async with self.store.locked():
            now = await self._now(model)
            if version in list_loaded(now.version, now.lineup):
                return now
            lineup = replace(now.lineup, candidates={**now.lineup.candidates, version: 0.0})
            return await self._change(model, Wanted(version=now.version, lineup=lineup))

    async def unload(self, model: str, version: int) -> Wanted:
        """Give back the memory of a version that does not serve, everywhere; ends its canary.

        Raises:
            ModelsError: it serves, is not loaded, or it was not possible.
        """
        async with self.store.locked():
            now = await self._now(model)
            if version == now.version:
                raise ModelsError(f"version {version} of {model} serves; promote another one first")
            if version not in list_loaded(now.version, now.lineup):
                raise ModelsError(f"the fleet does not have version {version} of {model} loaded")
            previous = None if now.lineup.previous == version else now.lineup.previous
            lineup = Lineup(previous=previous, candidates=_without(now.lineup, version))
            return await self._change(model, Wanted(version=now.version, lineup=lineup))

    async def follow(self) -> list[str]:
        """Let every Triton that serves something else serve what is stated; return what was done.

        Newcomers and restarted Tritons get no passes before it: frontends read the same file.

        Raises:
            ModelsError: the state cannot be read.
        """
        state = await self.store.read()
        # Where a command is at it, it is its business.
        stated = {model: each for model, each in state.models.items() if each.coming is None}
        pairs = [(address, model) for address in self.operators for model in stated]
        looks = (self._look(address, model, stated[model]) for address, model in pairs)
        found = dict(zip(pairs, await asyncio.gather(*looks), strict=True))
        behind = [pair for pair, problem in found.items() if problem == _BEHIND]
        with ExitStack() as stack:
            repositories = {self.operators[address].repository for address, _ in behind}
            for repository in filter(None, repositories):
                stack.enter_context(repository.locked())
            # At once: after a power cut nobody serves until it has followed.
            changes = [self._bring_in_line(*pair, stated[pair[1]]) for pair in behind]
            found |= dict(zip(behind, await asyncio.gather(*changes), strict=True))
        return [f"{address}{line}" for (address, _), line in found.items() if line]

    async def _look(self, address: str, model: str, wanted: Wanted) -> str:
        try:
            served = await read(self.operators[address].control, model)
        except (ModelsError, TritonCallFailed) as error:
            return f": {first_line(str(error))}"
        return "" if _is_as(served, wanted) else _BEHIND

    async def _bring_in_line(self, address: str, model: str, wanted: Wanted) -> str:
        operator = replace(self.operators[address], is_locked=True)
        try:
            await operator.conform(model, wanted.version, wanted.lineup)
        except (ModelsError, TritonCallFailed) as error:
            return f": {first_line(str(error))}"
        return f" serves version {wanted.version} of {model} now"

    async def _now(self, model: str) -> Wanted:
        """Return what is stated, or what the first Triton serves where nothing is."""
        state = await self.store.read()
        if model in state.models:
            return replace(state.models[model], coming=None)
        served = next(iter((await self._read(model)).values()))
        return Wanted(version=served.version, lineup=served.lineup)

    async def _read(self, model: str) -> dict[str, Served]:
        """Return what each Triton serves; those that are away follow when they are back."""
        found, problems = {}, []
        for address, operator in self.operators.items():
            try:
                found[address] = await read(operator.control, model)
            except (ModelsError, TritonCallFailed) as error:
                problems.append(f"{address}: {first_line(str(error))}")
                self.say(problems[-1])
        if not found:
            raise ModelsError("; ".join(problems) or "there is no Triton in the pool")
        return found

    async def _change(self, model: str, wanted: Wanted) -> Wanted:
        before, state = await self._read(model), await self.store.read()
        now = state.models.get(model) or Wanted(version=next(iter(before.values())).version)
        await self.store.write(state.with_model(model, replace(now, coming=wanted.version)))
        touched: list[str] = []
        try:
            # Else a frontend might meet a version that it does not know to be coming.
            await asyncio.sleep(self.look_s)
            for address in before:
                self.say(f"{address}: version {wanted.version} of {model}")
                touched.append(address)
                operator = self.operators[address]
                served = await operator.conform(model, wanted.version, wanted.lineup)
                lineup = replace(wanted.lineup, plans=served.lineup.plans)  # as the manifests say
                wanted = replace(wanted, lineup=lineup)
        except BaseException as error:  # also when we are interrupted
            left = await self._take_back({address: before[address] for address in touched})
            await self.store.write(state)
            raise _explain(touched, error, left) from error
        await self.store.write(state.with_model(model, wanted))
        await asyncio.sleep(self.look_s)  # from then on no frontend gives out the old version
        return wanted

    async def _take_back(self, before: Mapping[str, Served]) -> list[str]:
        """Let each Triton serve what it did; return what was not possible."""
        left = []
        for address, served in reversed(list(before.items())):
            self.say(f"{address}: back to version {served.version} of {served.name}")
            try:
                operator = self.operators[address]
                await operator.conform(served.name, served.version, served.lineup)
            except (ModelsError, TritonCallFailed) as error:
                left.append(f"{address} was not taken back: {first_line(str(error))}")
        return left


def _explain(touched: list[str], error: BaseException, left: list[str]) -> BaseException:
    if not isinstance(error, (ModelsError, TritonCallFailed)):
        return error
    said = f"{touched[-1]}: {first_line(str(error))}"
    return ModelsError("; ".join([said, *(left or ["every Triton is back"])]))


def _is_as(served: Served, wanted: Wanted) -> bool:
    return served.version == wanted.version and _shares(served.lineup) == _shares(wanted.lineup)


def _shares(lineup: Lineup) -> dict[int, float]:
    return dict(lineup.candidates)


def _without(lineup: Lineup, version: int) -> dict[int, float]:
    return {v: share for v, share in lineup.candidates.items() if v != version}
