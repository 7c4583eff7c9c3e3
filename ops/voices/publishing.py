"""Writes voices as model repositories: the default voice by its content, added ones by name."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.errors import CannotStart
from ops.voices import hibari
from ops.voices.configuration import NetworkSpec, config_texts
from tritone.card import SPEAKER, SpeechCard, component_name
from tritone.placement import NETWORK

FIRST_VERSION = 1
MANIFEST = "manifest.json"

Files = Mapping[str, bytes]
"""Every file of a repository by its path in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A model that speaks, before it is written."""

    card: SpeechCard
    network: bytes | None  # ONNX; None: the engine needs none
    network_spec: NetworkSpec | None
    source: str  # where it comes from
    licence: str  # SPDX, or the words of a model card
    precision: str
    divide: Callable[[bytes], Files] | None = None  # makes files of the network, to lie beside it
    files: Files = field(default_factory=dict)  # of the version, by their path in it
    speaker_files: Files = field(default_factory=dict)  # of all versions: beside their folders
    parameters: Mapping[str, str] = field(default_factory=dict)  # further ones of the speaker

    def artifacts(self, version: int) -> dict[str, bytes]:
        """Return the files of a version by their path in the repository."""
        name = self.card.name
        folder = f"{component_name(name, SPEAKER)}/{version}"
        found = {f"{folder}/{path}": content for path, content in self.files.items()}
        if self.network is not None:
            beside = f"{component_name(name, NETWORK)}/{version}"
            parts = self.divide(self.network) if self.divide else {}
            found |= {f"{beside}/{path}": content for path, content in parts.items()}
            found[f"{beside}/model.onnx"] = self.network
        return found

    def manifest(self, version: int) -> dict[str, Any]:
        """Return what is written down about a version."""
        return self._describe(self.artifacts(version))

    def _describe(self, artifacts: Files) -> dict[str, Any]:
        return {
            "source": self.source,
            "license": self.licence,
            "precision": self.precision,
            "artifacts": {
                path: hashlib.sha256(content).hexdigest() for path, content in artifacts.items()
            },
            "sizes": {path: len(content) for path, content in artifacts.items()},
        }

    def all_files(self, version: int = FIRST_VERSION) -> dict[str, bytes]:
        """Return every file of the repository by its path in it."""
        name, speaker = self.card.name, component_name(self.card.name, SPEAKER)
        configs = config_texts(self.card, self.network_spec, self.parameters, version)
        artifacts = self.artifacts(version)  # dividing a network takes a moment of every start
        return {
            **{f"{each}/config.pbtxt": text.encode() for each, text in configs.items()},
            # Triton wants the folder, also where the engine has no files.
            f"{speaker}/{version}/.keep": b"",
            **{f"{speaker}/{path}": content for path, content in self.speaker_files.items()},
            **artifacts,
            f"{name}/{version}/{MANIFEST}": json.dumps(
                self._describe(artifacts), indent=1
            ).encode(),
        }


def default_voice() -> Publication | None:
    """Return the voice of the installed package, or None: it is not installed."""
    package = hibari.package_folder()
    if package is None:
        return None
    return Publication(
        card=hibari.CARD,
        network=hibari.network_file(package),
        divide=hibari.network_halves,
        network_spec=hibari.NETWORK_SPEC,
        source=f"{hibari.DISTRIBUTION} {hibari.version()}",
        licence="Apache-2.0",
        precision="int8",
    )


def publish_default_voice(folder: Path) -> Path | None:
    """Return a model repository below `folder` with the voice of the installed package.

    What is there already is kept. None: the package is not installed.

    Raises:
        CannotStart: the folder cannot be written to.
    """
    made = default_voice()
    if made is None:
        return None
    files = made.all_files()
    target = folder / _digest(files)
    if target.is_dir():
        return target
    try:
        _write(files, target)
        for other in folder.iterdir():  # what earlier releases published
            if other != target:
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        raise CannotStart(f"the default voice cannot be published in {folder}: {error}") from error
    return target


def _digest(files: Files) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _write(files: Files, target: Path) -> None:
    # In one stroke: whoever starts at the same time finds all of it, or nothing.
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    write_files(files, fresh)
    try:
        fresh.rename(target)
    except OSError:
        if not target.is_dir():  # else another stack was faster
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_files(files: Files, folder: Path) -> None:
    """Write files below a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
