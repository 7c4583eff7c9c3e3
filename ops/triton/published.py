"""What a model repository publishes, and what each model needs loaded beside it.

A model that makes sounds is an ensemble; one that speaks is a model of the backend `speech`.
"""

from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.errors import CannotStart
from tritone.placement import (
    IN_PROCESS,
    NETWORK,
    NETWORK_IN_PROCESS,
    TRANSFORMER,
    runs_in_process,
)
from tritone.versions import CANDIDATE_PARAMETER

_CONFIG = "config.pbtxt"
_SPEECH = "speech"  # the backend


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One published model and the models behind it, by their Triton names."""

    name: str
    components: tuple[str, ...]  # loaded with the model
    callees: tuple[str, ...]  # called by a backend, so Triton does not know that they belong
    is_candidate: bool = False  # a version of another model, before it is promoted

    @property
    def triton_models(self) -> tuple[str, ...]:
        """Everything that must be ready before the model is."""
        return (*self.callees, *self.components, self.name)


def list_published_models(repository: Path) -> list[PublishedModel]:
    """Return the models that a repository publishes, by name.

    Raises:
        CannotStart: there is no such folder, no such model in it, or a configuration is broken.
    """
    if not repository.is_dir():
        raise CannotStart(
            f"there is no model repository at {repository}; set TRITONE_MODEL_REPOSITORY, or "
            "publish a model with: python -m export <checkpoint> --name <name>"
        )
    configs = {path.parent.name: _read(path) for path in sorted(repository.glob(f"*/{_CONFIG}"))}
    published = [
        *(_sound(name, configs) for name, each in configs.items() if each.platform == "ensemble"),
        *(_speech(name, each) for name, each in configs.items() if each.backend == _SPEECH),
    ]
    if not published:
        raise CannotStart(f"the model repository {repository} publishes no model")
    return published


def _speech(name: str, config: ModelConfig) -> PublishedModel:
    parameters = config.parameters
    is_loaded_by_itself = runs_in_process(parameters[NETWORK_IN_PROCESS].string_value)
    callees = () if is_loaded_by_itself else (parameters[NETWORK].string_value,)
    return PublishedModel(name, (), callees)


def _sound(name: str, configs: dict[str, ModelConfig]) -> PublishedModel:
    components = tuple(step.model_name for step in configs[name].ensemble_scheduling.step)
    absent = [component for component in components if component not in configs]
    if absent:
        raise CannotStart(f"model {name} is incomplete: {', '.join(absent)} is missing")
    parameters = [configs[component].parameters for component in components]
    callees = tuple(
        each[TRANSFORMER].string_value
        for each in parameters
        # Loaded by the caller itself, it would only take memory as a model of its own.
        if TRANSFORMER in each and not runs_in_process(each[IN_PROCESS].string_value)
    )
    is_candidate = CANDIDATE_PARAMETER in configs[name].parameters
    return PublishedModel(name, components, callees, is_candidate)


def _read(path: Path) -> ModelConfig:
    try:
        return text_format.Parse(path.read_text(), ModelConfig())
    except (text_format.ParseError, OSError) as error:
        raise CannotStart(f"{path} is not a model configuration: {error}") from error
