"""LocalAI's model files: one YAML file a model, which says what its name stands for.

Source: LocalAI's page "Text to audio", "Using config files". The folder is followed: files may
come, change and go while we run. A broken file is one line in the log, and the others count.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import yaml

log = structlog.get_logger(__name__)

_LOOK_S = 1.0  # between two looks at the folder
_MAX_FILES = 1000
_MAX_BYTES = 64 * 1024
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """What a model file says. None: nothing."""

    name: str | None = None
    backend: str | None = None
    model: str | None = None  # `parameters.model`: the engine's own name of the model
    language: str | None = None
    voice: str | None = None
    audio_path: str | None = None  # of a voice to clone, relative to the folder


class BrokenModelFile(ValueError):
    """The file is no model file; says why."""


class ModelFiles:
    """The model files of a folder, by the name in the file. May be used from several threads."""

    def __init__(self, folder: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Read nothing yet; without a folder there is nothing to find."""
        self._folder = folder
        self._clock = clock
        self._looked_at: float | None = None
        self._seen: dict[Path, tuple[tuple[int, int], ModelFile | None]] = {}

    def find(self, name: str | None) -> ModelFile | None:
        """Return the file of a model's name, or None."""
        if self._folder is None or name is None:
            return None
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            self._seen = self._look(self._folder)
        files = (file for _, file in self._seen.values() if file is not None)
        return next((file for file in files if file.name == name), None)

    def _look(self, folder: Path) -> dict[Path, tuple[tuple[int, int], ModelFile | None]]:
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
        except OSError as error:
            log.warning("model_files_unreadable", folder=str(folder), detail=str(error))
            return {}
        seen = {}
        for path in paths[:_MAX_FILES]:
            try:
                stat = path.stat()
            except OSError:
                continue  # it went just now
            state = (stat.st_mtime_ns, stat.st_size)
            known = self._seen.get(path)
            seen[path] = known if known and known[0] == state else (state, _read(path))
        return seen


def parse_model_file(text: str) -> ModelFile:
    """Return what a model file says.

    Raises:
        BrokenModelFile: not YAML, or a field is not of its type.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BrokenModelFile(" ".join(str(error).split())) from error
    if not isinstance(content, dict):
        raise BrokenModelFile("the file holds no fields")
    tts, parameters = _get_fields(content, "tts"), _get_fields(content, "parameters")
    older = _get_fields(tts, "vall-e")
    name = _get_text(content, "name")
    if name is None:
        raise BrokenModelFile("`name` is missing")
    return ModelFile(
        name=name,
        backend=_get_text(content, "backend"),
        model=_get_text(parameters, "model"),
        language=_get_text(parameters, "language"),
        voice=_get_text(tts, "voice"),
        audio_path=_get_text(tts, "audio_path") or _get_text(older, "audio_path"),
    )


def _read(path: Path) -> ModelFile | None:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise BrokenModelFile(f"the file is longer than {_MAX_BYTES} bytes")
        return parse_model_file(raw.decode())
    except (OSError, ValueError) as error:
        log.warning("model_file_broken", file=path.name, detail=str(error))
        return None


def _get_fields(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    fields = content.get(name)
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise BrokenModelFile(f"`{name}` must hold fields")
    return fields


def _get_text(content: Mapping[str, Any], name: str) -> str | None:
    text = content.get(name)
    if text is not None and not isinstance(text, str):
        raise BrokenModelFile(f"`{name}` must be a text")
    return text or None
