"""The repository of voices that people added: it lies beside the default voice's, and stays."""

import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.errors import OpsError
from ops.settings import Settings
from ops.voices.publishing import FIRST_VERSION, MANIFEST, Files, Publication, write_files
from tritone.plans import names_of
from tritone.versions import VERSIONS_PARAMETER, candidate_name

_CONFIG = "config.pbtxt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


FOLDER = "added_voices"  # of the state folder
DEFAULT_FOLDER = "voices"  # the same: repositories of the default voice, by their content


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
        return (self.folder / name / _CONFIG).is_file()

    def versions(self, name: str) -> list[int]:
        """Return the numbers of a model's versions; of a version the model's folder comes last."""
        found = (path.name for path in (self.folder / name).glob("*") if path.is_dir())
        return sorted(int(each) for each in found if each.isdecimal())

    def manifest(self, name: str, version: int = FIRST_VERSION) -> dict[str, Any]:
        """Return what was written down about a version; empty where nothing was."""
        path = self.folder / name / str(version) / MANIFEST
        try:
            fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return fields

    def publish(self, publication: Publication) -> int:
        """Write a model, or the next version of one that is there; return the version's number.

        A version that is there already, file by file, is not written again.

        Raises:
            NotAdded: the folder cannot be written to, or the model is published otherwise.
        """
        name = publication.card.name
        if not self.has(name):
            self.publish_files(name, publication.all_files())
            return FIRST_VERSION
        known = self.versions(name)
        wanted = _contents(publication.manifest(FIRST_VERSION))
        for version in known:
            if _contents(self.manifest(name, version)) == wanted:
                return version
        version = max(known, default=0) + 1
        files = publication.all_files(version)
        self._require_same_configs(name, files)
        self._write(name, files, str(version))
        return version

    def publish_files(self, name: str, files: Files) -> None:
        """Write a model out of its files, in the place of one of its name.

        Raises:
            NotAdded: the folder cannot be written to.
        """
        _check_name(name)
        self.remove(name)
        self._write(name, files)

    def _write(self, name: str, files: Files, part: str = "") -> None:
        """Move models, or one version of each, into the repository."""
        # Beside the repository: half a model in it would be loaded.
        fresh = self.folder.with_name(f".{self.folder.name}.{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_files(files, fresh)
            models = sorted((each.name for each in fresh.iterdir()), key=lambda each: each == name)
            for each in models:  # the ensemble, which names the others, comes last
                (fresh / each / part).rename(self.folder / each / part)
        except OSError as error:
            raise NotAdded(f"{name} cannot be published in {self.folder}: {error}") from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _require_same_configs(self, name: str, files: Files) -> None:
        """All versions of a model share its configuration: card, tensors, parameters."""
        for path, content in files.items():
            if not path.endswith(_CONFIG):
                continue
            with suppress(OSError, text_format.ParseError):
                published = (self.folder / path).read_text("utf-8")
                if _without_versions(published) == _without_versions(content.decode()):
                    continue
            raise NotAdded(
                f"{name} is published with another card, or by another release "
                f"({Path(path).parent} differs): choose another --name, or remove it first: "
                f"tritone voices remove {name}"
            )

    def withdraw(self, name: str) -> bool:
        """Publish a model no more; its files stay, as Triton lists what has a folder.

        Return whether there was one.

        Raises:
            NotAdded: the folder cannot be written to.
        """
        found = self.has(name)
        try:
            for each in self._folders(name):
                (self.folder / each / _CONFIG).unlink(missing_ok=True)
        except OSError as error:
            raise NotAdded(f"{name} cannot be removed from {self.folder}: {error}") from error
        return found

    def _folders(self, name: str) -> list[str]:
        _check_name(name)
        candidates = [candidate_name(name, version) for version in self.versions(name)]
        named = (name, *candidates, *names_of(name))
        return [each for each in named if (self.folder / each).is_dir()]

    def remove(self, name: str) -> bool:
        """Remove a model; return whether there was one.

        Raises:
            NotAdded: the folder cannot be written to.
        """
        found = self.has(name)
        gone = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.gone")
        try:
            for each in self._folders(name):
                gone.mkdir(exist_ok=True)
                (self.folder / each).rename(gone / each)
        except OSError as error:
            raise NotAdded(f"{name} cannot be removed from {self.folder}: {error}") from error
        finally:
            shutil.rmtree(gone, ignore_errors=True)
        return found


def voice_repositories(settings: Settings) -> list[Path]:
    """Return the folders of a stack that hold the default voice and the added ones."""
    state = settings.resolved_state_directory()
    folders = [*sorted((state / DEFAULT_FOLDER).glob("[!.]*")), state / FOLDER]
    return [each for each in folders if each.is_dir()]


def _contents(manifest: dict[str, Any]) -> list[str]:
    """Return the hashes of a version's files."""
    return sorted(manifest.get("artifacts", {}).values())


def _without_versions(text: str) -> ModelConfig:
    """Return a configuration without what promoting and rolling back change in it."""
    config = text_format.Parse(text, ModelConfig())
    config.ClearField("version_policy")
    for step in config.ensemble_scheduling.step:
        step.model_version = -1
    config.parameters.pop(VERSIONS_PARAMETER, None)
    return config


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise NotAdded(f"{name!r} is no name of a model: letters, digits, and -_. between them")
