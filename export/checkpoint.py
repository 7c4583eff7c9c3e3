"""Where a checkpoint comes from, what is in it, and how it is loaded."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.cards import Choices
from export.errors import InvalidCheckpoint
from export.families import EXPORTS
from tritone.families import FAMILIES, Family, family_of_pipeline

DEFAULTS_FILE = "generation_defaults.json"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A diffusers pipeline on disk, known to be one that can be exported."""

    source: str  # as the user named it
    folder: Path
    family: Family
    defaults: Choices

    def load(self) -> Any:
        """Return the pipeline in float32 on the CPU, its progress bar off.

        Raises:
            InvalidCheckpoint: a component cannot be read.
        """
        # Late, because importing diffusers takes seconds that `--help` need not wait for.
        import diffusers

        pipeline_class = getattr(diffusers, self.family.pipeline_class)
        try:
            pipeline = pipeline_class.from_pretrained(
                self.folder, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise InvalidCheckpoint(
                f"{self.source} cannot be loaded: {_first_line(error)}", detail=str(error)
            ) from error
        pipeline.set_progress_bar_config(disable=True)
        for component in pipeline.components.values():
            if hasattr(component, "requires_grad_"):
                component.float().eval().requires_grad_(False)
        return pipeline

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file of the pipeline, by path relative to the folder."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {
            path.relative_to(self.folder).as_posix(): file_hash(path)
            for path in files
            if ".cache" not in path.parts
        }


def open_checkpoint(source: str) -> Checkpoint:
    """Return the checkpoint of a folder or of a Hugging Face hub id.

    Raises:
        InvalidCheckpoint: it does not exist, is incomplete, or of a class we do not export.
    """
    folder = Path(source)
    if not folder.is_dir():
        if folder.exists() or not _HUB_ID.fullmatch(source):
            raise InvalidCheckpoint(f"there is no folder {source}")
        from export.hub import download

        folder = download(source)
    index = _read_index(source, folder)
    family = _family(source, index)
    for component in EXPORTS[family.name].components:
        if index.get(component, [None])[0] is None or not (folder / component).is_dir():
            raise InvalidCheckpoint(f"{source} has no {component}, which a {family.pipeline_class} needs")
    return Checkpoint(
        source=source, folder=folder, family=family, defaults=_defaults(folder / DEFAULTS_FILE)
    )


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_index(source: str, folder: Path) -> dict[str, Any]:
    path = folder / "model_index.json"
    if not path.is_file():
        raise InvalidCheckpoint(f"{source} is not a diffusers pipeline: it has no model_index.json")
    return _read_object(path)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidCheckpoint(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidCheckpoint(f"{path} must hold a JSON object")
    return content


def _family(source: str, index: dict[str, Any]) -> Family:
    pipeline_class = str(index.get("_class_name"))
    family = family_of_pipeline(pipeline_class)
    if family is None or family.name not in EXPORTS:
        supported = ", ".join(FAMILIES[name].pipeline_class for name in EXPORTS)
        raise InvalidCheckpoint(f"{source} is a {pipeline_class}; supported are {supported}")
    return family


def _defaults(path: Path) -> Choices:
    return Choices.from_defaults(_read_object(path)) if path.is_file() else Choices()


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
