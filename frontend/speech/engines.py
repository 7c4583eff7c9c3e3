"""The engines that requests and model files name (`backend`), and what there is of them here.

Source of the names: LocalAI's page "Text to audio". Adding an engine is a line of `ENGINES`.
"""

import re
from dataclasses import dataclass, replace

from frontend.errors import HOW_TO_ADD_VOICES, InvalidRequest
from frontend.speech.aliases import MODEL_ALIASES

_BARK_PRESET = re.compile(r"(?:v2/)?(?P<language>[a-z]{2})_speaker_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What stands behind one name."""

    is_installed: bool = True
    makes_sounds: bool = False  # from a prompt, instead of speaking a text
    model: str | None = None  # to ask for; None: the default
    notes: tuple[str, ...] = ()  # what stands in for it

    def find_language(self, model: str | None) -> str | None:
        """Return the language that an engine's own model name says, as bark's presets do."""
        preset = _BARK_PRESET.fullmatch(model or "")
        return preset["language"] if preset else None


ENGINES: dict[str, Engine] = {
    "hibari": Engine(),
    "bark": Engine(notes=("the default voice stands in for bark",)),
    "transformers-musicgen": Engine(
        makes_sounds=True, notes=("the default model of sounds stands in for musicgen",)
    ),
    "coqui": Engine(is_installed=False),
    "kokoro": Engine(is_installed=False),
    "parler-tts": Engine(is_installed=False),
    "piper": Engine(is_installed=False),
    "vall-e-x": Engine(is_installed=False),
}


def find_engine(name: str | None, model: str | None) -> Engine:
    """Return what stands behind an engine's name, asked for a model; None: the default engine.

    Raises:
        InvalidRequest: the engine is unknown, or is not installed.
    """
    if name is None:
        return Engine(model=None if model in MODEL_ALIASES else model)
    engine = ENGINES.get(name.lower())
    if engine is None:
        known = ", ".join(ENGINES)
        raise InvalidRequest(f"Unknown backend `{name}`; known: {known}.", field="backend")
    if not engine.is_installed:
        raise InvalidRequest(
            f"The backend `{name}` is not installed. {HOW_TO_ADD_VOICES}", field="backend"
        )
    return engine if engine.notes else replace(engine, model=model)
