"""A model repository that we see: what it holds, and what shall be served after a restart."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.models import configs
from ops.models.errors import ModelsError
from ops.models.manifests import FILE, Manifest, read_manifest
from ops.models.served import list_loaded
from tritone.card import COMPONENTS, SPEECH_COMPONENTS, component_name
from tritone.plans import served_name
from tritone.versions import VERSIONS_PARAMETER, Lineup, candidate_name

_CONFIG = "config.pbtxt"
_STEP_VERSION = re.compile(r"model_version: -?\d+")
_POLICY = re.compile(r"^version_policy .*\n?", re.MULTILINE)
_LINEUP = re.compile(rf'^parameters {{ key: "{VERSIONS_PARAMETER}" .*\n?', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder of Triton models."""

    folder: Path

    def versions(self, model: str) -> list[int]:
        """Return the published versions of a model; the ensemble's folder comes last in each."""
        found = (path.name for path in (self.folder / model).glob("*") if path.is_dir())
        return sorted(int(name) for name in found if name.isdecimal())

    def manifest(self, model: str, version: int) -> Manifest:
        """Return the record of a version.

        Raises:
            ModelsError: the version was not published here.
        """
        path = self.folder / model / str(version) / FILE
        if not path.exists():
            known = ", ".join(map(str, self.versions(model))) or "none"
            raise ModelsError(f"{self.folder} has no version {version} of {model}; it has: {known}")
        return read_manifest(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing what is served. Released also when we are killed.

        Raises:
            ModelsError: somebody else is at it.
        """
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ModelsError(
                f"another command is changing {self.folder}; try again when it has ended"
            ) from None
        finally:
            os.close(descriptor)

    def keep(self, model: str, version: int, lineup: Lineup) -> None:
        """Write down what is served, for Triton's next start.

        In this order a start in between finds every version that an ensemble names.

        Raises:
            ModelsError: the folder cannot be written to.
        """
        try:
            self._drop_candidates(model, lineup)
            for name, versions in self._versions_by_name(model, version, lineup).items():
                self._edit(name, configs.with_versions, versions)
            for candidate in lineup.candidates:
                self._write_candidate(model, candidate, lineup.plans.get(candidate, ()))
            self._edit(model, configs.serving, version, lineup)
        except OSError as error:
            raise ModelsError(
                f"Triton serves it, but a restart will not: {self.folder} cannot be written to "
                f"({error.strerror})"
            ) from error

    def _drop_candidates(self, model: str, lineup: Lineup) -> None:
        kept = {candidate_name(model, version) for version in lineup.candidates}
        for folder in self.folder.glob(f"{model}@*"):
            if folder.name not in kept:
                shutil.rmtree(folder)

    def _write_candidate(self, model: str, version: int, plans: Sequence[str]) -> None:
        folder = self.folder / candidate_name(model, version)
        (folder / str(version)).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / model / str(version) / FILE, folder / str(version) / FILE)
        config = configs.candidate(self._config(model), version, plans)
        _replace(folder / _CONFIG, text_format.MessageToString(config))  # now it is published

    def _versions_by_name(self, model: str, version: int, lineup: Lineup) -> dict[str, set[int]]:
        """Return what must be loaded, by Triton name; of the others nothing changes."""
        speaks = [c for c in SPEECH_COMPONENTS if self._path(component_name(model, c)).exists()]
        found: dict[str, set[int]] = {}
        for each in list_loaded(version, lineup):
            for component in speaks or COMPONENTS:
                name = served_name(model, component, lineup.plans.get(each, ()))
                found.setdefault(name, set()).add(each)
        return found

    def _path(self, model: str) -> Path:
        return self.folder / model / _CONFIG

    def _config(self, model: str) -> ModelConfig:
        path = self._path(model)
        try:
            return text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
        except text_format.ParseError as error:
            raise ModelsError(f"{path} is not a model configuration: {error}") from error

    def _edit(self, model: str, change: configs.Change, *arguments: object) -> None:
        path = self._path(model)
        wanted = change(self._config(model), *arguments)
        text = _replace_fields(path.read_text(encoding="utf-8"), wanted)
        # A file that is not laid out as our exporter does it is written anew.
        _replace(path, text if _says(text, wanted) else text_format.MessageToString(wanted))


def find_repository(repositories: Sequence[Repository], model: str) -> Repository | None:
    """Return the one that holds a model, else the first; None: there is none."""
    holding = (each for each in repositories if (each.folder / model).is_dir())
    return next(holding, next(iter(repositories), None))


def _says(text: str, wanted: ModelConfig) -> bool:
    with suppress(text_format.ParseError):
        return bool(text_format.Parse(text, ModelConfig()) == wanted)
    return False


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(path)


def _replace_fields(text: str, wanted: ModelConfig) -> str:
    """Return a configuration with its versions changed and everything else as people left it."""
    versions = ", ".join(map(str, wanted.version_policy.specific.versions))
    lines = [f"version_policy {{ specific {{ versions: [ {versions} ] }} }}"]
    if VERSIONS_PARAMETER in wanted.parameters:
        value = wanted.parameters[VERSIONS_PARAMETER].string_value.replace('"', '\\"')
        lines.append(
            f'parameters {{ key: "{VERSIONS_PARAMETER}" value {{ string_value: "{value}" }} }}'
        )
    if (pinned := configs.pinned_version(wanted)) is not None:
        text = _STEP_VERSION.sub(f"model_version: {pinned}", text)
    rest = _LINEUP.sub("", _POLICY.sub("", text))
    return rest.rstrip("\n") + "\n" + "\n".join(lines) + "\n"
