"""What operations do with versions. Each ends with every request answered, or was not begun."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from ops.errors import TritonCallFailed
from ops.models.errors import ModelsError
from ops.models.manifests import Manifest, check_hashes
from ops.models.repository import Repository
from ops.models.rollout import Rollout
from ops.models.served import Served, published_names, read, states
from ops.models.smoke import Smoke, smoke
from ops.models.speech_smoke import smoke_speech
from ops.triton.control import TritonControl
from tritone.card import SpeechCard
from tritone.environment import DEFAULT_REFRESH_S
from tritone.fingerprints import Fingerprint
from tritone.first_line import first_line
from tritone.versions import Lineup, candidate_name

Say = Callable[[str], None]
"""Told each stage as it begins."""

LOOK_TAKES_S = 1.0
"""Of frontends, beyond the period of their looks."""

_NO_MANIFEST = b"{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One Triton and, where we see it, its repository."""

    control: TritonControl
    repository: Repository | None
    timeout_s: float
    look_s: float = DEFAULT_REFRESH_S + LOOK_TAKES_S  # until frontends have seen a change
    needs_fingerprint: bool = True
    is_locked: bool = False  # the repository, by whoever changes several Tritons at once
    say: Say = lambda _stage: None

    async def load(self, model: str, version: int | None) -> Served:
        """Load a model that is published, or one of its versions beside the one that serves.

        Raises:
            ModelsError: it does not load.
        """
        if version is None:
            return await self._load_model(model)
        served = await read(self.control, model)
        if version in served.loaded:
            return served
        with self._lock():
            rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
            await self._stage(rollout, version)
            return await self._settle(rollout, served.version, _with(served.lineup, version, 0.0))

    async def verify(self, model: str, version: int | None) -> Smoke:
        """Try a version without serving it; one that was not loaded is unloaded again.

        Raises:
            Refused: it is no good.
            ModelsError: it cannot be tried.
        """
        served = await read(self.control, model)
        if version is None or version == served.version:
            return await self._smoke(served, model, served.version)
        with self._lock():
            rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
            async with self._candidate(rollout, version) as tried:
                pass
            if version not in served.lineup.candidates:
                await rollout.unstage(version)
            return tried

    async def promote(self, model: str, version: int) -> tuple[Served, Smoke | None]:
        """Try a version, then let it answer every request; the one before stays loaded.

        Raises:
            Refused: it is no good; what served before serves still.
            ModelsError: it was not possible; likewise.
        """
        served = await read(self.control, model)
        if version == served.version:
            return served, None
        with self._lock():
            rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
            async with self._candidate(rollout, version) as tried:
                self.say(f"switching {model} to version {version}")
                lineup = replace(_without(served.lineup, version), previous=served.version)
                return await self._settle(rollout, version, lineup), tried

    async def rollback(self, model: str) -> Served:
        """Let the version before answer again; it answered well once, so it is not tried.

        Raises:
            ModelsError: there is none, or it does not load; what serves does so still.
        """
        served = await read(self.control, model)
        previous = served.lineup.previous
        if previous is None:
            raise ModelsError(
                f"{model} has no version to roll back to; choose one: tritone models promote "
                f"{model} VERSION"
            )
        with self._lock():
            self.say(f"switching {model} back to version {previous}")
            lineup = replace(served.lineup, previous=served.version)
            rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
            return await self._settle(rollout, previous, lineup)

    async def canary(self, model: str, version: int, share: float) -> tuple[Served, Smoke | None]:
        """Send a share of the requests to a version; one that gets none yet is tried first.

        Raises:
            Refused: it is no good; it gets no request.
            ModelsError: it was not possible.
        """
        served = await read(self.control, model)
        if version == served.version:
            raise ModelsError(f"version {version} of {model} serves; choose another one")
        others = sum(s for v, s in served.lineup.candidates.items() if v != version)
        if others + share > 1:
            raise ModelsError(f"the other candidates of {model} get {others:.0%} already")
        lineup = _with(served.lineup, version, share)
        rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
        with self._lock():
            self.say(f"sending {share:.0%} of the requests to version {version}")
            if served.lineup.candidates.get(version):
                return await self._settle(rollout, served.version, lineup), None
            async with self._candidate(rollout, version) as tried:
                return await self._settle(rollout, served.version, lineup), tried

    async def conform(self, model: str, version: int, lineup: Lineup) -> Served:
        """Serve a version in a lineup; what answered nobody yet is tried first.

        Raises:
            Refused: a version is no good; what served before serves still.
            ModelsError: it was not possible; likewise.
        """
        served = await read(self.control, model)
        if version == served.version and lineup == served.lineup:
            return served
        untried = {version} - {served.version, served.lineup.previous}
        untried |= lineup.candidates.keys() - served.lineup.candidates.keys()
        with self._lock():
            rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
            rollout.note_plans(lineup.plans)
            async with AsyncExitStack() as stack:
                for each in sorted(untried):
                    await stack.enter_async_context(self._candidate(rollout, each))
                self.say(f"switching {model} to version {version}")
                return await self._settle(rollout, version, lineup)

    async def unload(self, model: str, version: int) -> Served:
        """Give back the memory of a version that does not serve.

        Raises:
            ModelsError: it serves, or is not loaded.
        """
        served = await read(self.control, model)
        if version == served.version:
            raise ModelsError(
                f"version {version} of {model} serves; promote another one first, or roll back"
            )
        if version not in served.loaded:
            raise ModelsError(f"version {version} of {model} is not loaded")
        with self._lock():
            self.say(f"unloading version {version} of {model}")
            lineup = _without(served.lineup, version)
            rollout = Rollout(self.control, served, self.timeout_s, self.look_s)
            return await self._settle(rollout, served.version, lineup)

    async def _load_model(self, model: str) -> Served:
        found = await states(self.control)
        if model not in found:
            known = ", ".join(published_names(found)) or "none"
            raise ModelsError(f"Triton finds no {model} in its repository; it has: {known}")
        try:
            self.say(f"loading {model}")
            await self.control.load(model, timeout_s=self.timeout_s)
            served = await read(self.control, model)
            # Those that come with the ensemble are not changed.
            for component in served.models(served.version):
                self.say(f"loading {component}")
                await self.control.load(component, timeout_s=self.timeout_s)
        except TritonCallFailed as error:
            raise ModelsError(f"{model} does not load: {first_line(str(error))}") from error
        return served

    def _manifest(self, model: str, version: int) -> Manifest | None:
        return None if self.repository is None else self.repository.manifest(model, version)

    def _lock(self) -> ExitStack:
        stack = ExitStack()
        if self.repository is not None and not self.is_locked:
            stack.enter_context(self.repository.locked())
        return stack

    @asynccontextmanager
    async def _candidate(self, rollout: Rollout, version: int) -> AsyncIterator[Smoke]:
        """Give what a version answers beside the others; where the body fails, it is gone again."""
        name = candidate_name(rollout.served.name, version)
        self._fingerprint(rollout.served, version)  # raises: before anything is loaded
        try:
            if version not in rollout.served.lineup.candidates:
                await self._stage(rollout, version)
            yield await self._smoke(rollout.served, name, version)
        except BaseException:  # also when we are interrupted
            if version not in rollout.served.lineup.candidates:
                await rollout.unstage(version)
            raise

    async def _stage(self, rollout: Rollout, version: int) -> None:
        model = rollout.served.name
        manifest = self._manifest(model, version)
        if self.repository is not None and manifest is not None:
            self.say(f"comparing the files of version {version} with their hashes")
            check_hashes(self.repository.folder, manifest)
        self.say(f"loading version {version} of {model} beside version {rollout.served.version}")
        raw, plans = (manifest.raw, (*manifest.plans,)) if manifest else (_NO_MANIFEST, ())
        await rollout.stage(version, raw, plans)

    async def _smoke(self, served: Served, name: str, version: int) -> Smoke:
        self.say(f"trying version {version} with two prompts")
        if isinstance(served.card, SpeechCard):
            return await smoke_speech(self.control, name, served.card, self.timeout_s)
        fingerprint = self._fingerprint(served, version)
        return await smoke(self.control, name, served.card, fingerprint, self.timeout_s)

    def _fingerprint(self, served: Served, version: int) -> Fingerprint | None:
        """Return what a version must answer; of a voice the hashes of its files say enough."""
        manifest = self._manifest(served.name, version)
        is_known = manifest is not None and isinstance(served.card, SpeechCard)
        fingerprint = manifest.fingerprint if manifest else None
        if fingerprint is None and not is_known and self.needs_fingerprint:
            raise ModelsError(
                f"there is no fingerprint of version {version} to compare with; give --repository "
                "(a copy of what was published is enough), or --no-fingerprint"
            )
        return fingerprint

    async def _settle(self, rollout: Rollout, version: int, lineup: Lineup) -> Served:
        await rollout.settle(version, lineup)
        served = rollout.served
        if self.repository is not None:
            self.repository.keep(served.name, version, served.lineup)
        await rollout.tidy()
        return served


def _with(lineup: Lineup, version: int, share: float) -> Lineup:
    # A previous version that is a candidate again is still the one to roll back to.
    return replace(lineup, candidates={**lineup.candidates, version: share})


def _without(lineup: Lineup, version: int) -> Lineup:
    previous = None if lineup.previous == version else lineup.previous
    candidates = {v: share for v, share in lineup.candidates.items() if v != version}
    return Lineup(previous=previous, candidates=candidates)
