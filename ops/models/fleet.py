"""Versions over a fleet: stated once, applied one Triton after another, taken back everywhere.

Each Triton changes as with one (`Operator`): tried beside what serves, switched in one stroke.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ops.errors import TritonCallFailed
from ops.models.actions import Operator, Say
from ops.models.errors import ModelsError
from ops.models.fleet_store import FleetStore
from ops.models.served import Served, first_line, read
from tritone.fleet import Wanted
from tritone.versions import Lineup


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Every Triton of a pool, and where it is stated what they shall serve."""

    operators: Mapping[str, Operator]  # by address, in the order of changes
    store: FleetStore
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

    async def follow(self) -> list[str]:
        """Let every Triton that serves something else serve what is stated; return what was done.

        Newcomers and restarted Tritons get no passes before it: frontends read the same file.

        Raises:
            ModelsError: the state cannot be read.
        """
        state, done = await self.store.read(), []
        for address, operator in self.operators.items():
            for model, wanted in state.models.items():
                if wanted.coming is not None:
                    continue  # a command is at it
                try:
                    if not _is_as(await read(operator.control, model), wanted):
                        await operator.conform(model, wanted.version, wanted.lineup)
                        done.append(f"{address} serves version {wanted.version} of {model} now")
                except (ModelsError, TritonCallFailed) as error:
                    done.append(f"{address}: {first_line(str(error))}")
        return done

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
            for address in before:
                self.say(f"{address}: version {wanted.version} of {model}")
                touched.append(address)
                await self.operators[address].conform(model, wanted.version, wanted.lineup)
        except BaseException as error:  # also when we are interrupted
            left = await self._take_back({address: before[address] for address in touched})
            await self.store.write(state)
            raise _explain(touched[-1], error, left) from error
        await self.store.write(state.with_model(model, wanted))
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


def _explain(address: str, error: BaseException, left: list[str]) -> BaseException:
    if not isinstance(error, (ModelsError, TritonCallFailed)):
        return error
    said = f"{address}: {first_line(str(error))}"
    return ModelsError("; ".join([said, *(left or ["every Triton is back"])]))


def _is_as(served: Served, wanted: Wanted) -> bool:
    return served.version == wanted.version and _shares(served.lineup) == _shares(wanted.lineup)


def _shares(lineup: Lineup) -> dict[int, float]:
    return dict(lineup.candidates)


def _without(lineup: Lineup, version: int) -> dict[int, float]:
    return {v: share for v, share in lineup.candidates.items() if v != version}
