"""Which installed voice speaks a request."""

from collections.abc import Sequence
from dataclasses import dataclass

from frontend.errors import InvalidRequest, UnknownVoice
from frontend.speech.request import SpeechRequest
from tritone.card import SpeechCard, Voice


@dataclass(frozen=True, slots=True)
class InstalledVoice:
    """A voice, and the model that has it."""

    card: SpeechCard
    voice: Voice


def list_voices(cards: Sequence[SpeechCard]) -> list[InstalledVoice]:
    """Return every voice of some models, each model's default first."""
    return [
        InstalledVoice(card, voice)
        for card in cards
        for voice in sorted(card.voices, key=lambda voice: voice.id != card.default_voice)
    ]


def choose_voice(request: SpeechRequest, cards: Sequence[SpeechCard]) -> InstalledVoice:
    """Return the voice that a request names, or else the first that speaks its language.

    A voice of another language is never taken instead.

    Raises:
        UnknownVoice: none of the models has it.
        InvalidRequest: it speaks another language, or none speaks the language.
    """
    voices = list_voices(cards)
    if request.voice:
        voices = [each for each in voices if each.voice.id == request.voice]
        if not voices:
            raise UnknownVoice(request.voice)
    language = request.language
    speaking = [each for each in voices if not language or speaks(each.voice, language)]
    if speaking:
        return speaking[0]
    if request.voice:
        spoken = voices[0].voice.language
        problem = f"The voice `{request.voice}` speaks {spoken}, not `{language}`."
    else:
        problem = f"No installed voice speaks `{language}`."
    raise InvalidRequest(problem, field="language")


def speaks(voice: Voice, language: str) -> bool:
    """Return whether a voice speaks a language; its region does not matter."""
    return _base(voice.language) == _base(language)


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()
