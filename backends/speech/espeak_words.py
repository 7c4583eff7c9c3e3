"""French and Portuguese, as Kokoro's makers read them: by espeak-ng, in their letters.

espeak-ng (GPL-3) runs elsewhere, where somebody has installed it: it knows numbers, liaison and the
stress of a language. Knows no Triton. Source of the letters: misaki 0.9.4 (Apache-2.0).
"""

import re
from collections.abc import Iterator

from backends.speech.engine import Phonemize
from backends.speech.word_reader import Language, Spoken, align

ESPEAK_VOICES = {"fr-FR": "roa/fr", "pt-BR": "roa/pt-BR"}
"""espeak-ng's names of the voices that read a language."""

_LETTERS = (
    ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("oʊ", "O"), ("əʊ", "Q"),
    ("ɔɪ", "Y"), ("g", "ɡ"), ("-", ""), ("_", ""),
)  # fmt: skip
_WORD = re.compile(r"\S+")


def espeak_language(tag: str, phonemize: Phonemize) -> Language:
    """Return how a language is read by espeak-ng."""
    voice = ESPEAK_VOICES[tag]

    def find(text: str) -> Iterator[Spoken]:
        spans = [match.span() for match in _WORD.finditer(text)]
        phonemes = phonemize(text, voice)
        for written, letter in _LETTERS:
            phonemes = phonemes.replace(written, letter)
        for begin, end, word in align(spans, phonemes.split()):
            yield begin, end, f" {word}"

    return Language(tag=tag, expand=lambda text: text, find=find)
