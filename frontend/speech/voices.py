"""Which installed voice speaks a request."""

from collections.abc import Sequence
from dataclasses import dataclass

from frontend.errors import UnknownVoice, UnsupportedLanguage
from frontend.speech.aliases import VOICE_ALIASES
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

    A published name (`aliases`) stands for a voice of its gender, where one is installed. A voice
    of another language is never taken instead.

    Raises:
        UnknownVoice: none of the models has it, and it is no published name.
        UnsupportedLanguage: it speaks another language, or none speaks the language.
    """
    voices = list_voices(cards)
    name = (request.voice or "").lower()
    named = [each for each in voices if name in (each.voice.id.lower(), each.voice.name.lower())]
    if not named and name:
        if name not in VOICE_ALIASES:
            raise UnknownVoice(str(request.voice), [each.voice.id for each in voices])
        gender = VOICE_ALIASES[name]
        voices.sort(key=lambda each: each.voice.gender != gender)
    voices = named or voices
    for each in voices:
        if not request.language or speaks(each.voice, request.language):
            return each
    raise UnsupportedLanguage(request.language or "", [each.voice.language for each in voices])


def speaks(voice: Voice, language: str) -> bool:
    """Return whether a voice speaks a language; its region does not matter."""
    return _base(voice.language) == _base(language)


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()
