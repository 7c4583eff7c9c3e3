"""A published version as the source of another one: its card, its manifest and its files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.errors import EngineError
from export.precision import Precision
from tritone.card import COMPONENTS, InvalidCard, ModelCard, component_name, read_card
from tritone.fingerprints import Fingerprint, InvalidFingerprint
from tritone.plans import NETWORKS

MANIFEST = "manifest.json"
MODEL_FILE = "model.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One version whose networks are ONNX files."""

    repository: Path
    card: ModelCard
    version: int
    precision: Precision
    fingerprint: Fingerprint
    manifest: dict[str, Any] = field(repr=False)

    def folder(self, component: str) -> Path:
        """Return the version's folder of one Triton model."""
        return self.repository / component_name(self.card.name, component) / str(self.version)

    def network(self, component: str) -> Path:
        """Return the file of one network."""
        return self.folder(component) / MODEL_FILE


def find_source(repository: Path, model: str, version: int | None) -> Source:
    """Return a published version; None: the newest whose networks are ONNX files.

    Raises:
        EngineError: there is none, or it is not one of this release.
    """
    card = _read_card(repository, model)
    folders = (repository / model).glob("*")
    numbers = sorted(int(path.name) for path in folders if path.name.isdecimal())
    whole = [n for n in numbers if not _lacks(repository, model, n)]
    if version is None and not whole:
        raise EngineError(f"there is no version of {model} in {repository} with ONNX files")
    number = whole[-1] if version is None else version
    if number not in numbers:
        raise EngineError(f"there is no version {number} of {model} in {repository}")
    if lacks := _lacks(repository, model, number):
        raise EngineError(f"version {number} of {model} has no {MODEL_FILE} of: {', '.join(lacks)}")
    path = repository / model / str(number) / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return Source(
            repository=repository,
            card=card,
            version=number,
            precision=manifest["precision"],
            fingerprint=Fingerprint.from_dict(manifest["fingerprint"]),
            manifest=manifest,
        )
    except (OSError, ValueError, KeyError, TypeError, InvalidFingerprint) as error:
        raise EngineError(f"{path} is no manifest of this release: {error!r}") from error


def _lacks(repository: Path, model: str, version: int) -> list[str]:
    return [
        component
        for component in COMPONENTS
        if component in NETWORKS
        and not (
            repository / component_name(model, component) / str(version) / MODEL_FILE
        ).is_file()
    ]


def _read_card(repository: Path, model: str) -> ModelCard:
    path = repository / model / "config.pbtxt"
    try:
        card = read_card(path.read_text(encoding="utf-8")) if path.is_file() else None
    except InvalidCard as error:
        raise EngineError(f"{model} in {repository}: {error}") from error
    if card is None:
        raise EngineError(f"there is no model {model} of ours in {repository}")
    return card
