"""What answers for the `backend` that a request or a model file names.

Source of the names: LocalAI's page "Text to audio". `tritone/engines.py` lists our own engines.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from frontend.errors import HOW_TO_ADD_VOICES, InvalidRequest
from frontend.speech.aliases import MODEL_ALIASES
from tritone.card import ModelCard, SpeechCard
from tritone.checkpoints import ARCHITECTURES
from tritone.engines import ENGINES

_BARK_PRESET = re.compile(r"(?:v2/)?(?P<language>[a-z]{2})_speaker_\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What stands behind one name."""

    makes_sounds: bool = False  # from a prompt, instead of speaking a text
    model: str | None = None  # to ask for; None: the default
    voice: str | None = None  # that the asked model means, as bark's presets do
    notes: tuple[str, ...] = ()  # what stands in for it

    def find_language(self, model: str | None) -> str | None:
        """Return the language that a model's name says, as bark's presets do."""
        preset = _BARK_PRESET.fullmatch(model or "")
        return preset["language"] if preset else None


_STAND_INS: dict[str, Backend] = {
    "bark": Backend(notes=("the default voice stands in for bark",)),
    "musicgen": Backend(
        makes_sounds=True, notes=("the default model of sounds stands in for musicgen",)
    ),
}
"""By kind: what answers while no model of it is served."""

_KINDS = {"transformers-musicgen": "musicgen"}
"""LocalAI's names of kinds that bear another one here."""

_MISSING = ("coqui", "vall-e-x")
"""LocalAI's backends that are no engine of ours: each is missing while no model of it is served."""


def find_backend(
    name: str | None,
    model: str | None,
    speaking: Sequence[SpeechCard],
    sounding: Sequence[ModelCard] = (),
) -> Backend:
    """Return what answers for a backend's name, asked for a model; None: the default engine.

    A name means the models of an engine, of a kind ("bark") or of that very name, among those that
    speak and those that make sounds. Something else stands in only where there is none of them.

    Raises:
        InvalidRequest: the backend is unknown, or no model of it is served.
    """
    if name is None:
        return Backend(model=None if model in MODEL_ALIASES else model)
    kind = _KINDS.get(name.lower(), name.lower())
    if cards := [card for card in speaking if kind in (card.engine, card.kind, card.name.lower())]:
        return _choose(cards, model)
    if sounds := [card.name for card in sounding if kind in (card.family, card.name.lower())]:
        return Backend(makes_sounds=True, model=_find_name(sounds, model) or sounds[0])
    if kind in _STAND_INS:
        return _STAND_INS[kind]
    known = dict.fromkeys((*ENGINES, *ARCHITECTURES, *_KINDS, *_MISSING))
    if kind not in known:
        raise InvalidRequest(
            f"Unknown backend `{name}`; known: {', '.join(known)}.", field="backend"
        )
    raise InvalidRequest(
        f"The backend `{name}` is not installed. {HOW_TO_ADD_VOICES}", field="backend"
    )


def _choose(cards: Sequence[SpeechCard], model: str | None) -> Backend:
    """Return which of a backend's models is meant, or which voice; the only one bears any name."""
    served = [card.name for card in cards]
    if model is None or model in MODEL_ALIASES:
        return Backend(model=served[0])
    if found := _find_name(served, model):
        return Backend(model=found)
    if preset := _BARK_PRESET.fullmatch(model):
        for card in cards:
            for voice in card.voices:
                if voice.name.removeprefix("v2/") == model.removeprefix("v2/"):
                    return Backend(model=card.name, voice=voice.id)
        note = f"another voice stands in for {model}, which is not installed"
        speaks = next((c.name for c in cards if _speaks(c, preset["language"])), served[0])
        return Backend(model=speaks, notes=(note,))
    return Backend(model=model if len(served) > 1 else served[0])


def _speaks(card: SpeechCard, language: str) -> bool:
    return any(each.partition("-")[0] == language for each in card.languages)


def _find_name(served: Sequence[str], model: str | None) -> str | None:
    """Return the served name of a model as LocalAI names it: a file, a path, an id of a hub."""
    last = (model or "").rpartition("/")[2]
    return next((name for name in (model, last.removesuffix(".onnx")) if name in served), None)
