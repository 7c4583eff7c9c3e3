"""A published tiny model and how it came about."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from export.cards import Choices
from export.checkpoint import open_checkpoint
from export.exporter import ExportRequest, Published, export
from tritone.card import ModelCard

CHOICES = Choices(steps=6, seconds=1.0, frame_bucket=16)
MODELS = ("tiny", pytest.param("tiny_3", marks=pytest.mark.drill))
"""The fixtures of exported models. Each costs half a minute or more: the gate makes one."""


@dataclass(frozen=True)
class Exported:
    """A model in a repository of its own."""

    folder: Path  # of the checkpoint
    repository: Path
    published: Published
    stages: list[str]

    @property
    def card(self) -> ModelCard:
        return self.published.card

    def artifact(self, component: str, file: str = "model.onnx") -> Path:
        return self.repository / f"{self.card.name}_{component}" / "1" / file

    def artifacts(self) -> dict[str, Path]:
        networks = ("text_encoder", "transformer", "vae_decoder")
        paths = {component: self.artifact(component) for component in networks}
        return paths | {"tokenizer": self.artifact("tokenizer", "tokenizer.json")}


def export_checkpoint(folder: Path, repository: Path, name: str) -> Exported:
    stages: list[str] = []
    request = ExportRequest(
        checkpoint=open_checkpoint(str(folder)), name=name, repository=repository, choices=CHOICES
    )
    return Exported(folder, repository, export(request, stages.append), stages)
