"""Where a checkpoint comes from and what is in it. Knows no torch, so refusals are quick."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.cards import Choices
from export.checkpoint_files import check_files, read_object
from export.errors import InvalidCheckpoint
from export.hashing import file_hash
from export.hub import download
from tritone.families import FAMILIES, family_of_pipeline
from tritone.families.family import Family
from tritone.words import WORDS_FILE

DEFAULTS_FILE = "generation_defaults.json"
INDEX_FILE = "model_index.json"
_SINGLE_FILES = (INDEX_FILE, DEFAULTS_FILE, WORDS_FILE)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_IGNORED_FOLDERS = {".cache", ".git"}

COMPONENTS: dict[str, tuple[str, ...]] = {
    "stable_audio": (
        "tokenizer",
        "text_encoder",
        "projection_model",
        "transformer",
        "vae",
        "scheduler",
    ),
    "stable_audio_3": (
        "tokenizer",
        "text_encoder",
        "duration_embedder",
        "transformer",
        "vae",
        "scheduler",
    ),
    "ace_step": (
        "tokenizer",
        "text_encoder",
        "condition_encoder",
        "transformer",
        "vae",
        "scheduler",
    ),
}
"""The folders that a checkpoint of a family must have."""

OPTIONAL_COMPONENTS: dict[str, tuple[str, ...]] = {
    "ace_step": ("audio_tokenizer", "audio_token_detokenizer"),
}
"""Those that it may have, and without which a model can do less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A diffusers pipeline on disk, known to be one that can be exported."""

    source: str  # the hub id, or the name of the folder
    folder: Path
    family: Family
    components: tuple[str, ...]  # its folders that are exported
    defaults: Choices

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file of the pipeline, by path relative to the folder."""
        folders = [self.folder / component for component in self.components]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        files += [path for name in _SINGLE_FILES if (path := self.folder / name).is_file()]
        return {
            path.relative_to(self.folder).as_posix(): file_hash(path)
            for path in sorted(files)
            if not _IGNORED_FOLDERS.intersection(path.parts)
        }


def open_checkpoint(source: str) -> Checkpoint:
    """Return the checkpoint of a folder or of a Hugging Face hub id.

    Raises:
        InvalidCheckpoint: it does not exist, is incomplete or cut off, or of a class that we do
            not export.
        InvalidOption: its `generation_defaults.json` is wrong.
    """
    folder = Path(source)
    is_local = folder.is_dir()
    if is_local:
        source = folder.resolve().name
    elif folder.exists() or not _HUB_ID.fullmatch(source):
        raise InvalidCheckpoint(f"there is no folder {source}")
    else:
        folder = download(source, [*_SINGLE_FILES])
    index = _read_index(source, folder)
    family = _family(source, str(index.get("_class_name")))
    components = _list_components(family, index)
    if not is_local:  # the gigabytes come once it is known that they can be exported
        folder = download(source, [f"{component}/*" for component in components])
    _check_components(source, folder, family, index)
    check_files(folder, components)
    defaults = folder / DEFAULTS_FILE
    choices = Choices.from_defaults(read_object(defaults)) if defaults.is_file() else Choices()
    return Checkpoint(
        source=source, folder=folder, family=family, components=components, defaults=choices
    )


def _list_components(family: Family, index: dict[str, Any]) -> tuple[str, ...]:
    optional = OPTIONAL_COMPONENTS.get(family.name, ())
    return (*COMPONENTS[family.name], *(each for each in optional if _names(index, each)))


def _names(index: dict[str, Any], component: str) -> bool:
    return bool((index.get(component) or [None])[0])


def _check_components(source: str, folder: Path, family: Family, index: dict[str, Any]) -> None:
    for component in _list_components(family, index):
        if not _names(index, component) or not (folder / component).is_dir():
            raise InvalidCheckpoint(
                f"{source} has no {component}, which a {family.pipeline_class} needs"
            )


def _read_index(source: str, folder: Path) -> dict[str, Any]:
    path = folder / INDEX_FILE
    if not path.is_file():
        raise InvalidCheckpoint(f"{source} is no diffusers pipeline: it has no {INDEX_FILE}")
    return read_object(path)


def _family(source: str, pipeline_class: str) -> Family:
    family = family_of_pipeline(pipeline_class)
    if family is None or family.name not in COMPONENTS:
        supported = ", ".join(FAMILIES[name].pipeline_class for name in COMPONENTS)
        raise InvalidCheckpoint(f"{source} is a {pipeline_class}; supported are {supported}")
    return family
