"""What model repositories publish, and what each model needs loaded beside it.

A published model is an ensemble, of several steps where it makes sounds, of its speaker where it
speaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelParameter

from ops.errors import CannotStart
from tritone.piper_voice import PHONEMIZER
from tritone.placement import (
    IN_PROCESS,
    NETWORK,
    NETWORK_IN_PROCESS,
    TRANSFORMER,
    count_bytes,
    read_callee,
    runs_in_process,
)
from tritone.versions import CANDIDATE_PARAMETER

_CONFIG = "config.pbtxt"


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


@dataclass(frozen=True, slots=True)
class Publication:
    """What some repositories hold."""

    models: tuple[PublishedModel, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)  # why, by the model's name


def read_published(repositories: Sequence[Path]) -> Publication:
    """Return what all repositories publish, by name; a broken model spoils no other."""
    configs: dict[str, ModelConfig] = {}
    folders: dict[str, Path] = {}
    broken: dict[str, str] = {}
    for path in _config_files(repositories):
        try:
            configs[path.parent.name] = _parse(path.read_text("utf-8"))
            folders[path.parent.name] = path.parent
        except (text_format.ParseError, OSError, ValueError) as error:
            broken[path.parent.name] = f"{path} is not a model configuration: {error}"
    models: list[PublishedModel] = []
    for name, config in sorted(configs.items()):
        if config.platform == "ensemble":
            if absent := _absent(config, configs):
                broken[name] = "; ".join(
                    broken.get(each, f"its component {each} is missing") for each in absent
                )
            else:
                models.append(_published(name, configs, folders))
    steps = {step for config in configs.values() for step in _steps(config)}
    return Publication(tuple(models), {n: why for n, why in broken.items() if n not in steps})


def require_published(repositories: Sequence[Path]) -> Publication:
    """Return the same where there is something to serve.

    Raises:
        CannotStart: there is no such folder, or no whole model in any of them.
    """
    for repository in repositories:
        if not repository.is_dir():
            raise CannotStart(
                f"there is no model repository at {repository}; set TRITONE_MODEL_REPOSITORY, or "
                "publish a model with: python -m export <checkpoint> --name <name>"
            )
    found = read_published(repositories)
    if not found.models:
        folders = ", ".join(map(str, repositories))
        why = "".join(f"; {name}: {reason}" for name, reason in found.broken.items())
        raise CannotStart(f"the model repository {folders} publishes no model{why}")
    return found


def list_published_models(repository: Path) -> list[PublishedModel]:
    """Return the whole models of one repository, by name.

    Raises:
        CannotStart: there is none.
    """
    return list(require_published([repository]).models)


@lru_cache(maxsize=256)
def _parse(text: str) -> ModelConfig:
    # The same few files are looked at every second, and to parse them takes 50 ms.
    return text_format.Parse(text, ModelConfig())


def _config_files(repositories: Sequence[Path]) -> list[Path]:
    return [path for folder in repositories for path in sorted(folder.glob(f"*/{_CONFIG}"))]


def _absent(ensemble: ModelConfig, configs: Mapping[str, ModelConfig]) -> list[str]:
    return [step for step in _steps(ensemble) if step not in configs]


def _steps(config: ModelConfig) -> list[str]:
    return [step.model_name for step in config.ensemble_scheduling.step]


def _published(
    name: str, configs: Mapping[str, ModelConfig], folders: Mapping[str, Path]
) -> PublishedModel:
    callees: list[str] = []
    for step in configs[name].ensemble_scheduling.step:
        parameters = configs[step.model_name].parameters
        callees += _callees_of_speaker(parameters)
        if TRANSFORMER in parameters:
            callees += _callees(folders[step.model_name], step.model_version, parameters)
    is_candidate = CANDIDATE_PARAMETER in configs[name].parameters
    return PublishedModel(name, tuple(_steps(configs[name])), tuple(callees), is_candidate)


def _callees_of_speaker(parameters: Mapping[str, ModelParameter]) -> list[str]:
    phonemizer, network = (_read(parameters, key) for key in (PHONEMIZER, NETWORK))
    found = [phonemizer] if phonemizer is not None else []
    if network is not None and not runs_in_process(_read(parameters, NETWORK_IN_PROCESS)):
        found.append(network)
    return found


def _callees(denoiser: Path, version: int, parameters: Mapping[str, ModelParameter]) -> list[str]:
    if plan := read_callee(_version_folder(denoiser, version)):
        return [plan]
    name = str(parameters[TRANSFORMER].string_value)
    n_bytes = count_bytes(_version_folder(denoiser.parent / name, version))
    # Loaded by the caller itself, it would only take memory as a model of its own.
    return [] if runs_in_process(_read(parameters, IN_PROCESS), n_bytes) else [name]


def _read(parameters: Mapping[str, ModelParameter], key: str) -> str | None:
    # Only to ask for a key that is missing would add it, and parsed configurations are kept.
    return str(parameters[key].string_value) if key in parameters else None


def _version_folder(model: Path, version: int) -> Path:
    """Return the folder of a version; -1: of the newest."""
    if version > 0:
        return model / str(version)
    numbers = [int(path.name) for path in model.glob("*") if path.name.isdecimal()]
    return model / str(max(numbers, default=1))
