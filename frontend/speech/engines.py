"""The engines that requests and model files name (`backend`), and what there is of them here.

Source of the names: LocalAI's page "Text to audio". `tritone/engines.py` lists those that are ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from frontend.errors import HOW_TO_ADD_VOICES, InvalidRequest
from frontend.speech.aliases import MODEL_ALIASES
from tritone.card import SpeechCard
from tritone.engines import ENGINES

_BARK_PRESET = re.compile(r"(?:v2/)?(?P<language>[a-z]{2})_speaker_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What stands behind one name."""

    makes_sounds: bool = False  # from a prompt, instead of speaking a text
    model: str | None = None  # to ask for; None: the default
    notes: tuple[str, ...] = ()  # what stands in for it

    def find_language(self, model: str | None) -> str | None:
        """Return the language that an engine's own model name says, as bark's presets do."""
        preset = _BARK_PRESET.fullmatch(model or "")
        return preset["language"] if preset else None


_STAND_INS: dict[str, Engine] = {
    "bark": Engine(notes=("the default voice stands in for bark",)),
    "transformers-musicgen": Engine(
        makes_sounds=True, notes=("the default model of sounds stands in for musicgen",)
    ),
}

_MISSING = ("coqui", "parler-tts", "piper", "vall-e-x")
"""Engines of LocalAI; one that is ours, too, is missing only while no model of it is served."""


def find_engine(name: str | None, model: str | None, cards: Sequence[SpeechCard]) -> Engine:
    """Return what stands behind an engine's name, asked for a model; None: the default engine.

    Raises:
        InvalidRequest: the engine is unknown, or no model of it is served.
    """
    if name is None:
        return Engine(model=None if model in MODEL_ALIASES else model)
    key = name.lower()
    if key in _STAND_INS:
        return _STAND_INS[key]
    served = [card.name for card in cards if card.engine == key]
    if served:
        return Engine(model=_choose(served, model))
    if key not in ENGINES and key not in _MISSING:
        known = ", ".join(dict.fromkeys((*ENGINES, *_STAND_INS, *_MISSING)))
        raise InvalidRequest(f"Unknown backend `{name}`; known: {known}.", field="backend")
    raise InvalidRequest(
        f"The backend `{name}` is not installed. {HOW_TO_ADD_VOICES}", field="backend"
    )


def _choose(served: Sequence[str], model: str | None) -> str | None:
    """Return which of an engine's models is meant; the only one bears any name."""
    name = model and model.removesuffix(".onnx")  # as LocalAI names voices of Piper
    return name if name in served or len(served) > 1 else served[0]
