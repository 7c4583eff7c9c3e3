"""A Triton as `ops.models` sees it: models with versions, whose loads may fail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from google.protobuf import json_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.errors import TritonCallFailed
from ops.triton.control import TritonControl
from tritone import tensors
from tritone.card import CARD_PARAMETER, COMPONENTS, SPEAKER, Card, SpeechCard, component_name
from tritone.pcm import Pcm

STEPS = ("tokenizer", "text_encoder", "denoiser", "vae_decoder")


@dataclass
class Answer:
    """An inference result with PCM, int16 [audio_channels, samples]."""

    pcm: Pcm

    def as_numpy(self, name: str) -> Pcm | None:
        return self.pcm[np.newaxis] if name == tensors.PCM else None


@dataclass
class FakeTriton:
    """What Triton 2.51 was seen to do with versions; see docs/versions.md."""

    card: Card
    on_disk: set[int] = field(default_factory=lambda: {1})
    broken: dict[str, int] = field(default_factory=dict)  # version that does not load, by model
    leaving: dict[str, int] = field(default_factory=dict)  # looks at version 2 unloading, by model
    configs: dict[str, ModelConfig] = field(default_factory=dict)
    loaded: dict[str, set[int]] = field(default_factory=dict)
    loads: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    unloads: list[str] = field(default_factory=list)
    sounds: dict[str, list[Pcm | str]] = field(default_factory=dict)  # by model; texts are errors
    newer_files: set[str] = field(default_factory=set)  # components; their files say version 1
    interrupted: list[str] = field(default_factory=list)  # components that lost what served
    texts: list[int] = field(default_factory=list)  # that leaving versions are at, at each look
    beside: dict[str, ModelConfig] = field(default_factory=dict)  # in its folder, never loaded yet

    def __post_init__(self) -> None:
        """Serve version 1, pinned."""
        name = self.card.name
        speaks = isinstance(self.card, SpeechCard)
        for component in (SPEAKER,) if speaks else COMPONENTS:
            config = ModelConfig(name=component_name(name, component), runtime="model.py")
            if component == "denoiser":
                transformer = component_name(name, "transformer")
                config.parameters["transformer"].string_value = transformer
            self._put(config, [1])
        ensemble = ModelConfig(name=name, platform="ensemble")
        ensemble.parameters[CARD_PARAMETER].string_value = self.card.to_json()
        ensemble.output.add(name=tensors.PCM, data_type="TYPE_INT16")
        for step in (SPEAKER,) if speaks else STEPS:
            ensemble.ensemble_scheduling.step.add(
                model_name=component_name(name, step), model_version=1
            )
        self._put(ensemble, [1])

    @property
    def control(self) -> TritonControl:
        """What of it is used."""
        return cast("TritonControl", self)

    def pinned(self) -> set[int]:
        """Return the versions that the ensemble names."""
        return {
            step.model_version for step in self.configs[self.card.name].ensemble_scheduling.step
        }

    async def states(self) -> list[tuple[str, str, str, str]]:
        rows = []
        for name, versions in self.loaded.items():
            if "@" not in name:  # not in a folder: Triton does not list it
                rows += [(name, str(v), "READY", "") for v in sorted(versions)]
                rows += [] if versions else [(name, "", "", "")]
                if (failed := self.broken.get(name)) is not None and self.loads:
                    rows.append((name, str(failed), "UNAVAILABLE", "corrupt\n\nAt: model.py"))
                if self.leaving.get(name):
                    self.leaving[name] -= 1
                    rows.append((name, "2", "UNLOADING", ""))
        return rows

    async def is_server_ready(self) -> bool:
        return not self.broken

    async def config(self, model: str) -> ModelConfig:
        if model not in self.loaded:
            raise TritonCallFailed(
                f"Request for unknown model: '{model}' has no available versions"
            )
        copy = ModelConfig()
        copy.CopyFrom(self.configs[model])
        return copy

    async def load(
        self,
        model: str,
        *,
        config: str | None = None,
        files: dict[str, bytes] | None = None,
        timeout_s: float = 0.0,
    ) -> None:
        if config is None:
            found = self.beside[model]
            self._put(found, list(found.version_policy.specific.versions))
            return
        wanted = json_format.Parse(config, ModelConfig())
        assert not wanted.runtime, "it would reload every version"
        versions = [int(v) for v in wanted.version_policy.specific.versions]
        self.loads.append((model, tuple(versions)))
        self.newer_files.discard(model)
        assert not self.leaving.get(model), "it would be told that it loaded, and then be unloaded"
        if self.broken.get(model) in versions:
            raise TritonCallFailed("version 3 is corrupt\n\nAt: model.py")
        for step in wanted.ensemble_scheduling.step:
            if step.model_name in self.newer_files:
                self.newer_files.discard(step.model_name)
                self.loaded[step.model_name] = {1}
                self.interrupted += [step.model_name] if self.pinned() != {1} else []
            if step.model_version not in self.loaded.get(step.model_name, set()):
                self.loaded.pop(model, None)  # an ensemble without its components is taken down
                raise TritonCallFailed("a required version is not loaded")
        known = versions if files else [v for v in versions if v in self.on_disk]
        self._put(wanted, known)

    async def count_texts(self, model: str, versions: Iterable[str]) -> int:
        known = list(versions)
        assert all(int(each) in self.loaded[component_name(model, SPEAKER)] for each in known)
        return self.texts.pop(0) if self.texts and known else 0

    async def unload(self, model: str) -> None:
        self.unloads.append(model)
        self.loaded.pop(model, None)

    async def drain(self, models: Sequence[str]) -> None:
        for model in models:
            await self.unload(model)

    async def ask(self, model: str, *_: object) -> list[Answer]:
        sound = self.sounds[model].pop(0)
        if isinstance(sound, str):
            raise TritonCallFailed(sound)
        return [Answer(sound)]

    def _put(self, config: ModelConfig, versions: list[int]) -> None:
        if config.name in self.configs:  # it does not change, and Triton adds it at each load
            config.runtime = self.configs[config.name].runtime
        self.configs[config.name] = config
        self.loaded[config.name] = set(versions)
