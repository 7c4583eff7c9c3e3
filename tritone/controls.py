"""What a request may say beside its prompt, by names that all contracts share.

A family declares which of them its models take natively (`tritone.families`). What becomes of the
others is decided in one place: `frontend.sounds.controls`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

ControlValue = str | int | float | bool
Controls = Mapping[str, ControlValue]
"""Values by name; a control that is not there was not asked for."""

ControlType = Literal["STRING", "INT32", "FP32", "BOOL"]

# The names are those of diffusers' `AceStepPipeline` and of LocalAI's advanced mode.
NEGATIVE_PROMPT = "negative_prompt"
LYRICS = "lyrics"
VOCAL_LANGUAGE = "vocal_language"
INSTRUMENTAL = "instrumental"
BPM = "bpm"
KEYSCALE = "keyscale"
TIMESIGNATURE = "timesignature"
AUDIO_CODES = "audio_codes"
STRENGTH = "strength"  # of what a sound is to follow: the pipeline's `audio_cover_strength`

TYPES: Mapping[str, ControlType] = {
    NEGATIVE_PROMPT: "STRING",
    LYRICS: "STRING",
    VOCAL_LANGUAGE: "STRING",
    INSTRUMENTAL: "BOOL",
    BPM: "INT32",
    KEYSCALE: "STRING",
    TIMESIGNATURE: "STRING",
    AUDIO_CODES: "STRING",
    STRENGTH: "FP32",
}
"""Every control that some family takes, or that can be said in words."""

_PYTHON_TYPES: Mapping[ControlType, tuple[type, ...]] = {
    "STRING": (str,),
    "INT32": (int,),
    "FP32": (float, int),
    "BOOL": (bool,),
}


def _accept(_: str) -> None:
    """Find no fault with a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One input that models of a family take beside prompt, length and sampling."""

    name: str
    least: float = 0.0  # of a STRING: characters
    most: float = 1.0
    needs: str | None = None  # the control without which it has no meaning
    check: Callable[[str], object] = _accept  # of a STRING: raises ValueError, in words for callers

    @property
    def dtype(self) -> ControlType:
        """The type of its values."""
        return TYPES[self.name]


_NOTHING: Mapping[ControlType, ControlValue] = {
    "STRING": "",
    "INT32": 0,
    "FP32": 0.0,
    "BOOL": False,
}


FULL_STRENGTH = 1.0


def complete(asked: Controls) -> dict[str, ControlValue]:
    """Return a value for every control; empty where it was not asked for, but full strength."""
    nothing = {name: _NOTHING[kind] for name, kind in TYPES.items()} | {STRENGTH: FULL_STRENGTH}
    return {name: asked.get(name, nothing[name]) for name in TYPES}


def fill(asked: Controls) -> dict[str, bytes | int | float | bool]:
    """Return the same as tensors hold it."""
    return {n: v.encode() if isinstance(v, str) else v for n, v in complete(asked).items()}


def is_of_type(name: str, value: ControlValue) -> bool:
    """Return whether a known control may have such a value; True is no number."""
    return type(value) in _PYTHON_TYPES[TYPES[name]]


def is_said(value: ControlValue | None) -> bool:
    """Return whether a value asks for something: None and blank texts do not."""
    return value is not None and not (isinstance(value, str) and not value.strip())
