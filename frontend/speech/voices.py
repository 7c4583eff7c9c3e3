"""Which installed voice speaks a request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from frontend.errors import UnknownVoice, UnsupportedLanguage
from frontend.speech.aliases import KNOWN_VOICES
from frontend.speech.request import SpeechRequest
from tritone.card import SpeechCard, Voice
from tritone.engines import DEFAULT_ENGINE
from tritone.voices import stand_in


@dataclass(frozen=True, slots=True)
class InstalledVoice:
    """A voice, and the model that has it."""

    card: SpeechCard
    voice: Voice


def list_voices(cards: Sequence[SpeechCard]) -> list[InstalledVoice]:
    """Return every voice of some models, each model's default first, the default engine's before.

    So whoever adds a voice changes nothing for requests that leave the choice.
    """
    return [
        InstalledVoice(card, voice)
        for card in sorted(cards, key=lambda card: card.engine != DEFAULT_ENGINE)
        for voice in sorted(card.voices, key=lambda voice: voice.id != card.default_voice)
    ]


def choose_voice(request: SpeechRequest, cards: Sequence[SpeechCard]) -> InstalledVoice:
    """Return the voice that a request names, or else the first that speaks its language.

    A voice of another service stands for the one that is most like it. No voice of another
    language than the one that is asked for is ever taken.

    Raises:
        UnknownVoice: none of the models has it, and no service that we know.
        UnsupportedLanguage: it speaks another language, or none speaks the language.
    """
    voices = list_voices(cards)
    if request.voice:
        voices = _find_named(request.voice, request.language, voices)
    for each in voices:
        if not request.language or speaks(each.voice, request.language):
            return each
    raise UnsupportedLanguage(request.language or "", [each.voice.language for each in voices])


def _find_named(
    name: str, language: str | None, voices: list[InstalledVoice]
) -> list[InstalledVoice]:
    key = name.lower()
    named = _find_own(key, voices)
    known = KNOWN_VOICES.get(key)
    if known is None:
        if not named:
            raise UnknownVoice(name, [each.voice.id for each in voices])
        return named
    wanted = replace(known, language=language or known.language)
    # An added voice may be a hundred times slower. Who sends another service's name has not chosen
    # an added voice; who wants one sends its id.
    quick = [
        each
        for each in voices
        if each.card.engine == DEFAULT_ENGINE and speaks(each.voice, wanted.language)
    ]
    if named and (named[0].voice.id.lower() == key or named[0] in quick or not quick):
        return named
    stand = stand_in(wanted, [each.voice for each in quick or voices])
    if stand is None:
        raise UnsupportedLanguage(wanted.language, [each.voice.language for each in voices])
    return [each for each in voices if each.voice == stand]


def _find_own(key: str, voices: list[InstalledVoice]) -> list[InstalledVoice]:
    by_id = [each for each in voices if key == each.voice.id.lower()]
    return by_id + [
        each for each in voices if key == each.voice.name.lower() != each.voice.id.lower()
    ]


def is_known(name: str, cards: Sequence[SpeechCard]) -> bool:
    """Return whether a name is that of a voice of the models, or of another service's voice."""
    key = name.lower()
    return key in KNOWN_VOICES or bool(_find_own(key, list_voices(cards)))


def speaks(voice: Voice, language: str) -> bool:
    """Return whether a voice speaks a language; its region does not matter."""
    return _base(voice.language) == _base(language)


def _base(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()
