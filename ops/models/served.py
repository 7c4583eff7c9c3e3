"""What Triton serves of a published model, as it says itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.errors import TritonCallFailed
from ops.models import configs
from ops.models.errors import ModelsError
from ops.triton.control import TritonControl
from tritone.card import COMPONENTS, SPEAKER, Card, component_name
from tritone.first_line import first_line
from tritone.plans import without_plan
from tritone.versions import Lineup

READY = "READY"
LOADING = "LOADING"
UNLOADING = "UNLOADING"


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version of one Triton model."""

    state: str  # READY, LOADING, UNLOADING or UNAVAILABLE
    reason: str  # of being UNAVAILABLE: "unloaded", or the error


States = dict[str, dict[int, VersionState]]
"""By Triton model and version; a model that was never loaded has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A published model that is loaded."""

    name: str
    card: Card
    version: int  # that answers
    is_pinned: bool  # its components' versions are named: others may be loaded beside them
    lineup: Lineup
    config: ModelConfig  # of the ensemble
    components: tuple[str, ...]  # Triton names in a version without plans, callees first
    states: States = field(repr=False)

    @property
    def loaded(self) -> frozenset[int]:
        """The versions whose components are to be loaded."""
        return list_loaded(self.version, self.lineup)

    def models(self, version: int) -> tuple[str, ...]:
        """Return the Triton models that a version consists of, beside the ensemble."""
        plans = self.lineup.plans.get(version, ())
        return configs.models_of(self.name, self.components, plans)

    def failure(self, version: int) -> str | None:
        """Return why a version did not load, or None."""
        return failure(self.models(version), version, self.states)


def failure(models: Iterable[str], version: int, found: States) -> str | None:
    """Return why a version of one of some Triton models did not load, or None."""
    for model in models:
        state = found.get(model, {}).get(version)
        if state is not None and state.reason not in {"", "unloaded"}:
            return f"{model}: {first_line(state.reason)}"
    return None


def list_loaded(version: int, lineup: Lineup) -> frozenset[int]:
    """Return the versions that must be loaded for a version to answer in a lineup."""
    kept = {lineup.previous} if lineup.previous is not None else set()
    return frozenset({version, *kept, *lineup.candidates})


async def states(control: TritonControl) -> States:
    """Return the state of every version of every model.

    Raises:
        ModelsError: Triton does not answer.
    """
    try:
        rows = await control.states()
    except TritonCallFailed as error:
        raise ModelsError(f"Triton does not answer: {first_line(str(error))}") from error
    found: States = {}
    for name, version, state, reason in rows:
        versions = found.setdefault(name, {})
        if version:
            versions[int(version)] = VersionState(state, reason)
    return found


def published_names(found: States) -> list[str]:
    """Return the models that have all components; by name alone, loaded or not."""
    whole = (COMPONENTS, (SPEAKER,))
    return sorted(
        name
        for name in found
        if any(all(component_name(name, each) in found for each in parts) for parts in whole)
    )


async def read(control: TritonControl, name: str) -> Served:
    """Return what is served of a model.

    Raises:
        ModelsError: it is not loaded, or no published model.
    """
    found = await states(control)
    ready = [v for v, state in found.get(name, {}).items() if state.state == READY]
    if not ready:
        known = ", ".join(published_names(found)) or "none"
        remedy = f"load it: tritone models load {name}" if name in found else f"it has: {known}"
        raise ModelsError(f"Triton serves no model {name}; {remedy}")
    config = await control.config(name)
    card = configs.card_of(config)
    if card is None:
        raise ModelsError(f"{name} is not a published model")
    steps = [step.model_name for step in config.ensemble_scheduling.step]

    def is_loaded(model: str) -> bool:
        return any(state.state == READY for state in found.get(model, {}).values())

    callees = [configs.callee(await control.config(step), is_loaded) for step in steps]
    components = [*filter(None, callees), *map(without_plan, steps)]
    pinned = configs.pinned_version(config)
    return Served(
        name=name,
        card=card,
        version=pinned or max(ready),
        is_pinned=pinned is not None,
        lineup=configs.lineup_of(config),
        config=config,
        components=tuple(components),
        states=found,
    )
