"""The repository of voices that people added: it lies beside the default voice's, and stays."""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.voices.publishing import MANIFEST, VERSION, Files, Publication, write_files
from tritone.card import component_name
from tritone.placement import NETWORK

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_PARTS = (NETWORK, "denoiser")  # models that lie beside an added one

FOLDER = "added_voices"  # of the state folder


class NotAdded(OpsError):
    """The voice cannot be written or removed; the text says why."""


@dataclass(frozen=True, slots=True)
class AddedVoices:
    """Models that speak, by name. A running stack serves what comes, within seconds."""

    folder: Path

    @classmethod
    def of_state(cls, state_directory: Path) -> "AddedVoices":
        """Return the repository of a state folder."""
        return cls(state_directory / FOLDER)

    def has(self, name: str) -> bool:
        """Return whether a model of this name was added."""
        return (self.folder / name / "config.pbtxt").is_file()

    def manifest(self, name: str) -> dict[str, Any]:
        """Return what was written down about a model; empty where nothing was."""
        path = self.folder / name / VERSION / MANIFEST
        try:
            fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return fields

    def publish(self, publication: Publication) -> None:
        """Write a model, in the place of one of its name.

        Raises:
            NotAdded: the folder cannot be written to.
        """
        self.publish_files(publication.card.name, publication.all_files())

    def publish_files(self, name: str, files: Files) -> None:
        """Write a model out of its files, in the place of one of its name.

        Raises:
            NotAdded: the folder cannot be written to.
        """
        _check_name(name)
        # Beside the repository: half a model in it would be loaded.
        fresh = self.folder.with_name(f".{self.folder.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_files(files, fresh)
            self.remove(name)
            models = sorted((each.name for each in fresh.iterdir()), key=lambda each: each == name)
            for each in models:  # the speaker, which calls the network, comes last
                (fresh / each).rename(self.folder / each)
        except OSError as error:
            raise NotAdded(f"{name} cannot be published in {self.folder}: {error}") from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def remove(self, name: str) -> bool:
        """Remove a model; return whether there was one.

        Raises:
            NotAdded: the folder cannot be written to.
        """
        _check_name(name)
        found = self.has(name)
        gone = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.gone")
        try:
            for each in (name, *(component_name(name, part) for part in _PARTS)):
                if (self.folder / each).is_dir():
                    gone.mkdir(exist_ok=True)
                    (self.folder / each).rename(gone / each)
        except OSError as error:
            raise NotAdded(f"{name} cannot be removed from {self.folder}: {error}") from error
        finally:
            shutil.rmtree(gone, ignore_errors=True)
        return found


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise NotAdded(f"{name!r} is no name of a model: letters, digits, and -_. between them")
