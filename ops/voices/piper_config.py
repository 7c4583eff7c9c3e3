"""Reads what comes with a Piper voice: its `.onnx.json` and its model card."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.errors import OpsError

_LICENCE = re.compile(r"^\s*[*-]?\s*Licen[cs]e:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
# A voice that was made from another one is bound by its licence, too; lessac's data, which most
# English voices begin with, is for research only.
_RESTRICTED = re.compile(
    r"non-?commercial|\bNC\b|-NC-|research|lessac|blizzard|unknown", re.IGNORECASE
)
_PHONEME_TYPES = ("text", "espeak")
_REGION = re.compile(r"([a-z]{2,3})[_-]([A-Za-z]{2})\b")


class NoPiperVoice(OpsError):
    """The files are no Piper voice that we can speak with; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PiperConfig:
    """What the files say."""

    sample_rate: int  # Hz
    language: str  # BCP 47
    phoneme_type: str
    espeak_voice: str
    ids: dict[str, list[int]]
    noise_scale: float
    length_scale: float
    noise_w: float
    speakers: dict[str, int]
    licence: str  # the model card's words; empty: it has none
    is_free: bool  # nothing in the card says that the use is restricted
    kind: str = ""  # of the library that it comes from, where that is not Piper


def read_config(onnx_file: Path) -> PiperConfig:
    """Return what lies beside a voice's `.onnx` file.

    Raises:
        NoPiperVoice: there is no configuration, or one of a kind that we cannot speak with.
    """
    path = onnx_file.with_name(f"{onnx_file.name}.json")
    try:
        fields = json.loads(path.read_text("utf-8"))
        config = _config(fields, onnx_file, _read_model_card(onnx_file))
    except FileNotFoundError:
        raise NoPiperVoice(f"{path} is missing: a Piper voice is two files") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoPiperVoice(f"{path} describes no Piper voice: {error!r}") from error
    if config.phoneme_type not in _PHONEME_TYPES:
        known = ", ".join(_PHONEME_TYPES)
        raise NoPiperVoice(
            f"the voice reads phonemes of the kind {config.phoneme_type}; known: {known}"
        )
    missing = [each for each in "_^$" if each not in config.ids]
    if missing:
        raise NoPiperVoice(f"{path} has no ids for {' '.join(missing)}")
    return config


def _config(fields: dict[str, Any], onnx_file: Path, card: str) -> PiperConfig:
    inference, espeak = fields.get("inference", {}), fields.get("espeak", {})
    licence = _LICENCE.search(card)
    return PiperConfig(
        sample_rate=int(fields["audio"]["sample_rate"]),
        language=_language(fields, onnx_file),
        phoneme_type=str(fields.get("phoneme_type", "espeak")),
        espeak_voice=str(espeak.get("voice", "")),
        ids={key: [int(each) for each in ids] for key, ids in fields["phoneme_id_map"].items()},
        noise_scale=float(inference.get("noise_scale", 0.667)),
        length_scale=float(inference.get("length_scale", 1.0)),
        noise_w=float(inference.get("noise_w", 0.8)),
        speakers={str(k): int(v) for k, v in (fields.get("speaker_id_map") or {}).items()},
        licence=licence[1] if licence else "",
        is_free=bool(licence) and not _RESTRICTED.search(card),
        kind=str(fields.get("kind", "")),
    )


def _read_model_card(onnx_file: Path) -> str:
    path = onnx_file.with_name("MODEL_CARD")
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def _language(fields: dict[str, Any], onnx_file: Path) -> str:
    code = str((fields.get("language") or {}).get("code", ""))
    for text in (code, onnx_file.name, str(fields.get("espeak", {}).get("voice", ""))):
        if found := _REGION.match(text):
            return f"{found[1].lower()}-{found[2].upper()}"
    voice = str(fields.get("espeak", {}).get("voice", ""))
    if not voice:
        raise NoPiperVoice(f"{onnx_file.name}.json does not say which language the voice speaks")
    return voice.partition("-")[0]
