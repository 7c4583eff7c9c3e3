"""Triton's configurations of a published model, changed to serve other versions.

Triton 2.51 leaves a loaded version alone when nothing but its model's version policy changes, so a
changed copy of what it runs with is loaded over it (docs/versions.md).
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from google.protobuf import json_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from ops.models.errors import ModelsError
from tritone.card import CARD_PARAMETER, Card, component_name, from_json
from tritone.placement import IN_PROCESS, NETWORK, NETWORK_IN_PROCESS, TRANSFORMER
from tritone.plans import NETWORKS, pcm_type, plan_of, served_name, without_plan
from tritone.tensors import PCM
from tritone.versions import (
    CANDIDATE_PARAMETER,
    VERSIONS_PARAMETER,
    InvalidLineup,
    Lineup,
    candidate_name,
)

_CALLED = {TRANSFORMER: IN_PROCESS, NETWORK: NETWORK_IN_PROCESS}
"""The parameter that names what a component calls, and the one that says who loads that."""

Change = Callable[..., ModelConfig]
"""Returns a changed copy of a configuration."""


def as_override(config: ModelConfig) -> str:
    """Return the JSON that loads a model with a configuration."""
    copy = _copy(config)
    # Triton adds it while loading. Given back, it looks like a change and reloads every version.
    copy.ClearField("runtime")
    return str(json_format.MessageToJson(copy, preserving_proto_field_name=True, indent=None))


def with_versions(config: ModelConfig, versions: Iterable[int]) -> ModelConfig:
    """Return a configuration that serves these versions."""
    copy = _copy(config)
    copy.ClearField("version_policy")
    copy.version_policy.specific.versions.extend(sorted(versions))
    return copy


def serving(config: ModelConfig, version: int, lineup: Lineup) -> ModelConfig:
    """Return an ensemble that answers with one version of all its components."""
    copy = with_versions(config, [version])
    plans = lineup.plans.get(version, ())
    for step in copy.ensemble_scheduling.step:
        step.model_version = version
        step.model_name = as_served(config.name, step.model_name, plans)
    for output in copy.output:
        if output.name == PCM:
            output.data_type = DataType.Value(f"TYPE_{pcm_type(plans)}")
    copy.parameters[VERSIONS_PARAMETER].string_value = lineup.to_json()
    return copy


def candidate(config: ModelConfig, version: int, plans: Sequence[str] = ()) -> ModelConfig:
    """Return the ensemble of a version, of these plans, beside the one of the model itself."""
    copy = serving(config, version, Lineup(plans={version: tuple(plans)}))
    del copy.parameters[VERSIONS_PARAMETER]
    copy.parameters[CANDIDATE_PARAMETER].string_value = config.name
    copy.name = candidate_name(config.name, version)
    return copy


def as_served(model: str, name: str, plans: Collection[str]) -> str:
    """Return the Triton name that a component has in a version of these plans."""
    names = {component_name(model, each): served_name(model, each, plans) for each in NETWORKS}
    return names.get(without_plan(name), name)


def models_of(model: str, components: Iterable[str], plans: Collection[str]) -> tuple[str, ...]:
    """Return the Triton models of a version of these plans, what a component calls by itself first.

    `components` are those of a version without plans; a plan is always a Triton model.
    """
    found = [as_served(model, each, plans) for each in components]
    called = [served_name(model, each, plans) for each in NETWORKS if each in plans]
    return (*(each for each in called if each not in found), *found)


def pinned_version(config: ModelConfig) -> int | None:
    """Return the version that an ensemble names for all its components, or None."""
    versions = {step.model_version for step in config.ensemble_scheduling.step}
    return int(versions.pop()) if len(versions) == 1 and min(versions) > 0 else None


def card_of(config: ModelConfig) -> Card | None:
    """Return the card of a published model's ensemble, or None: it is no such thing.

    Raises:
        InvalidCard: it is another release's.
    """
    is_ours = config.platform == "ensemble" and CARD_PARAMETER in config.parameters
    if not is_ours or CANDIDATE_PARAMETER in config.parameters:
        return None
    return from_json(config.parameters[CARD_PARAMETER].string_value)


def lineup_of(config: ModelConfig) -> Lineup:
    """Return the lineup that an ensemble carries.

    Raises:
        ModelsError: it cannot be read.
    """
    if VERSIONS_PARAMETER not in config.parameters:
        return Lineup()
    try:
        return Lineup.from_json(config.parameters[VERSIONS_PARAMETER].string_value)
    except InvalidLineup as error:
        raise ModelsError(f"{config.name}: {VERSIONS_PARAMETER}: {error}") from error


def callee(config: ModelConfig, is_loaded: Callable[[str], bool]) -> str | None:
    """Return the model that a component calls by itself, or None.

    Where the configuration leaves it open (`auto`), it is one if Triton has it loaded: whether the
    component can do without is known on Triton's machine only.
    """
    found = dict(config.parameters)
    called = next((each for each in _CALLED if each in found), None)
    if called is None:
        return None
    name, flag = str(found[called].string_value), _CALLED[called]
    in_process = found[flag].string_value if flag in found else "false"
    # Where a plan is loaded instead, nothing says whether the component could do without.
    is_used = is_loaded(name) or is_loaded(plan_of(name))
    return name if in_process == "false" or (in_process == "auto" and is_used) else None


def _copy(config: ModelConfig) -> ModelConfig:
    copy = ModelConfig()
    copy.CopyFrom(config)
    return copy
