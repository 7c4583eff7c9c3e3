"""Checkpoints of transformers as models of ours: read as files, never loaded here.

The weights stay where they are; what is published says where that is.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.voices.names import name_voices, plain_name
from ops.voices.publishing import Publication
from tritone.card import SpeechCard, Voice
from tritone.checkpoints import ARCHITECTURES, FILE, Architecture, Checkpoint
from tritone.first_line import first_line

_PRESET = re.compile(r"(?:^|/)([a-z]{2})_speaker_\d+$")  # of Bark, as v2/en_speaker_6
_LICENCE = re.compile(r"^licen[cs]e:\s*['\"]?([^'\"\n]+)", re.IGNORECASE | re.MULTILINE)
_FREE = re.compile(r"(apache|mit|bsd|cc0|cc-by-\d|cc-by-sa|mpl|isc|unlicense)\b", re.IGNORECASE)
_SPEAKERS = {"csm": ("0", "1"), "dia": ("S1", "S2"), "vibevoice": ("0", "1")}
"""What a text may name as who speaks it; Bark has presets instead."""


class NoCheckpoint(OpsError):
    """It is no checkpoint that we can serve; the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint, as its small files describe it."""

    source: str  # an absolute folder, or an id of the hub
    architecture: Architecture
    config: dict[str, Any]
    sample_rate: int  # Hz
    presets: tuple[str, ...]  # of Bark
    licence: str  # the model card's word; empty: it has none

    @property
    def is_free(self) -> bool:
        """Whether the licence is known and lets anybody use it for anything."""
        return is_free(self.licence)


def is_free(licence: str) -> bool:
    """Return whether a licence is known to let anybody use what it is of for anything."""
    return bool(_FREE.match(licence)) and "-nc" not in licence.lower()


def is_checkpoint(name: str) -> bool:
    """Return whether `tritone voices add NAME` means a checkpoint: a folder, or OWNER/NAME."""
    return Path(name).is_dir() or bool(re.fullmatch(r"[\w.-]+/[\w.-]+", name))


def read_checkpoint(name: str) -> Found:
    """Return what the files of a checkpoint say.

    Raises:
        NoCheckpoint: they are not there, or of no kind that is served.
    """
    folder = Path(name).resolve() if Path(name).is_dir() else download_small_files(name)
    config = _read_json(folder / "config.json")
    if config is None:
        raise NoCheckpoint(f"{name} has no config.json: it is no checkpoint of transformers")
    architecture = ARCHITECTURES.get(str(config.get("model_type")))
    if architecture is None:
        served = ", ".join(ARCHITECTURES)
        raise NoCheckpoint(f"{name} is of the type {config.get('model_type')}; served: {served}")
    presets = _read_json(folder / "speaker_embeddings_path.json") or {}
    return Found(
        source=str(folder) if Path(name).is_dir() else name,
        architecture=architecture,
        config=config,
        sample_rate=_read_sample_rate(folder, config, name),
        presets=tuple(each for each in presets if each != "repo_or_path"),
        licence=read_licence(folder),
    )


def model_name(source: str, name: str | None) -> str:
    """Return the name of a checkpoint's model: the given one, or the folder's own."""
    return plain_name(name or Path(source).name)


def make_publication(
    found: Found, name: str | None, language: str, licence: str | None
) -> Publication:
    """Return the model of a checkpoint that speaks."""
    model = model_name(found.source, name)
    kind = found.architecture.model_type
    theirs = found.presets or _SPEAKERS.get(kind, ("",))
    voices = name_voices(model, theirs)
    known = licence or found.licence or "unknown"
    card = SpeechCard(
        name=model,
        engine="transformers",
        kind=kind,
        voices=tuple(
            Voice(
                id=ours,
                name=theirs or model,
                language=_language(theirs, language),
                gender="neutral",  # checkpoints do not say
                license=known,
                description=f"A voice of the checkpoint {Path(found.source).name}.",
            )
            for ours, theirs in voices.items()
        ),
        default_voice=next(iter(voices)),
        sample_rate=found.sample_rate,
        audio_channels=1,
        min_speed=0.25,
        max_speed=4.0,
        max_characters=100_000,
    )
    checkpoint = Checkpoint(source=found.source, model_type=kind, voices=voices)
    return Publication(
        card=card,
        network=None,
        network_spec=None,
        source=f"the checkpoint {found.source}",
        licence=known,
        precision="",
        files={FILE: json.dumps(asdict(checkpoint), indent=1).encode()},
        parameters={"lanes": str(found.architecture.batch)},
    )


def _language(preset: str, given: str) -> str:
    found = _PRESET.search(preset)
    return found[1] if found and found[1] != given.partition("-")[0] else given


def download_small_files(name: str) -> Path:
    """Return a folder with the small files of a checkpoint of the hub.

    Raises:
        NoCheckpoint: the hub does not give it, or cannot be asked.
    """
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 -- not everybody has it
    except ImportError as error:
        raise NoCheckpoint(
            f"{name} is no folder, and to ask the hub for it needs: pip install tritone[torch]"
        ) from error
    try:
        small = ["*.json", "README.md"]
        return Path(snapshot_download(name, allow_patterns=small))
    except Exception as error:  # the hub's errors, and those of the network, share no base class
        raise NoCheckpoint(
            f"{name} is no folder, and the hub does not give it: {first_line(error)}"
        ) from error


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        fields: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NoCheckpoint(f"{path} cannot be read: {error}") from error
    return fields


def _read_sample_rate(folder: Path, config: dict[str, Any], name: str) -> int:
    processor = _read_json(folder / "processor_config.json") or {}
    places: list[dict[str, Any]] = [
        config.get("codec_config") or {},
        config.get("audio_encoder") or {},
        processor.get("feature_extractor") or {},
        _read_json(folder / "preprocessor_config.json") or {},
    ]
    for place in places:
        if rate := place.get("sampling_rate"):
            return int(rate)
    raise NoCheckpoint(f"no file of {name} says at which rate it speaks")


def read_licence(folder: Path) -> str:
    """Return the licence that a checkpoint's model card names; empty: it names none."""
    path = folder / "README.md"
    found = _LICENCE.search(path.read_text("utf-8", "replace")) if path.is_file() else None
    return found[1].strip() if found else ""
