"""Italian and Spanish as the phonemes that Kokoro's voices know.

Word by word with the dictionaries of the package g2p2 (MIT or Apache-2.0), which tell sounds but no
stress: the languages' own rules say where it lies. Knows no Triton.
"""

import lzma
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from backends.speech.word_reader import Language, Spoken

_REMEMBERED_WORDS = 20_000
_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|[^\w\s]")
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_DECIMALS = re.compile(r"(?<=\d),(?=\d)")
_NUMBER = re.compile(r"\d+")
_MARK = re.compile(r"[,.;:!?]")  # which the package puts into a few words
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[:.\-/](?=\d)")  # of times and dates
_VOWELS = "aeiouɛɔ"
_STRESS = "ˈ"
_ITALIAN_CLITICS = (
    "il la lo i gli le un una e ed che di a ad da in con per del al dal nel sul mi ci si ti vi o"
)
_SPANISH_CLITICS = "el la los las un una y e o de del a al en con por para que se me te le lo su mi"


class Words(Protocol):
    """How the words of one language are read."""

    def expand(self, text: str) -> str:
        """Return a text with its numbers as words."""

    def phonemes(self, word: str) -> str:
        """Return one word, in lower case, as phonemes with its stress."""


def romance_language(tag: str, words: Words) -> Language:
    """Return how a language is read, each word by itself."""
    phonemes = lru_cache(_REMEMBERED_WORDS)(words.phonemes)

    def find(text: str) -> Iterator[Spoken]:
        for match in _PART.finditer(text):
            part = match[0]
            is_word = part[0].isalpha()
            yield *match.span(), f" {phonemes(part.lower())}" if is_word else part

    return Language(tag=tag, expand=words.expand, find=find)


class Dictionary(Protocol):
    """What is known of a language's words."""

    def expand(self, text: str) -> str:
        """Return a text with its numbers as words."""

    def phonemize(self, word: str) -> str:
        """Return one word as phonemes without stress, in IPA."""


class PackagedDictionary:
    """A language of g2p2, from packages that lie beside the voices."""

    def __init__(self, packages: Path, language: str, decimal_word: str) -> None:
        """Load it; `decimal_word` is how the mark of decimals is read.

        Raises:
            ImportError, OSError: the packages are not there.
        """
        if str(packages) not in sys.path:
            sys.path.append(str(packages))
        g2p2 = import_module("g2p2")
        folder = Path(import_module("g2p2_group_romance").__file__ or "").parent
        packed = (folder / f"{language}.g2p.xz").read_bytes()
        model: Any = g2p2.Model.from_bytes(lzma.decompress(packed))
        self._phonemize = model.phonemize
        self._expand = g2p2.expand_numbers
        self._language, self._decimal_word = language, decimal_word

    def phonemize(self, word: str) -> str:
        """Return one word as phonemes without stress, in IPA."""
        return _MARK.sub("", str(self._phonemize(word)))

    def expand(self, text: str) -> str:
        """Return a text with its numbers as words; the package knows whole ones only."""
        text = _THOUSANDS.sub("", text)
        text = _DECIMALS.sub(f" {self._decimal_word} ", text)
        text = _BETWEEN_DIGITS.sub(" ", text)
        return _NUMBER.sub(lambda match: str(self._expand(match[0], self._language)), text)


def _respell(phonemes: str, spellings: Sequence[tuple[str, str]]) -> str:
    for written, letter in spellings:
        phonemes = phonemes.replace(written, letter)
    return phonemes


def _stressed(phonemes: str, from_end: int) -> str:
    """Return phonemes with a stress before the vowel that is so far from the end; 1: the last."""
    nuclei = [i for i, letter in enumerate(phonemes) if letter in _VOWELS]
    if not nuclei:
        return phonemes
    at = nuclei[-min(from_end, len(nuclei))]
    return f"{phonemes[:at]}{_STRESS}{phonemes[at:]}"


class Italian:
    """Words with a written accent end in their stress; others have it on the last vowel but one."""

    _SPELLINGS = (
        ("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("t͡s", "ʦ"), ("d͡z", "ʣ"), ("g", "ɡ"), ("ɱ", "n"),
    )  # fmt: skip
    _SOFT_C = re.compile(r"\bc['’](?=[eèéiìí])")  # of `ci` and `ce`, before a vowel
    _UNSTRESSED = frozenset(_ITALIAN_CLITICS.split())

    def __init__(self, dictionary: Dictionary) -> None:
        """Take the sounds of words from a dictionary."""
        self._dictionary = dictionary
        self.expand = dictionary.expand

    def phonemes(self, word: str) -> str:
        """Return one word, in lower case, as phonemes with its stress."""
        rest, n_soft = self._SOFT_C.subn("", word)
        parts = [part for part in re.split("['’]", rest) if part]
        read = "".join(self._dictionary.phonemize(part) for part in parts)
        phonemes = "ʧ" * n_soft + _respell(read, self._SPELLINGS)
        if word in self._UNSTRESSED:
            return phonemes
        return _stressed(phonemes, 1 if word[-1] in "àèéìíòóùú" else 2)


class Spanish:
    """A written accent is the stress; else the last vowel but one, or the last after n and s."""

    _SPELLINGS = (
        ("\u0303", ""), ("\u031e", ""), ("\u032a", ""), ("\u031d", ""),
        ("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("g", "ɡ"), ("ɱ", "n"),
    )  # fmt: skip
    _ACCENTED = "áéíóú"
    _UNSTRESSED = frozenset(_SPANISH_CLITICS.split())

    def __init__(self, dictionary: Dictionary) -> None:
        """Take the sounds of words from a dictionary."""
        self._dictionary = dictionary
        self.expand = dictionary.expand

    def phonemes(self, word: str) -> str:
        """Return one word, in lower case, as phonemes with its stress."""
        read = unicodedata.normalize("NFD", self._dictionary.phonemize(word))
        phonemes = _respell(read, self._SPELLINGS)
        if word in self._UNSTRESSED:
            return phonemes
        accents = [i for i, letter in enumerate(word) if letter in self._ACCENTED]
        if accents:
            behind = self._groups(word[accents[-1] + 1 :])
            return _stressed(phonemes, 1 + behind)
        return _stressed(phonemes, 2 if word[-1] in "aeiouns" else 1)

    @staticmethod
    def _groups(rest: str) -> int:
        """Return how many vowels are heard in what follows the accent; glides are not."""
        return len(re.findall("[aeo]|[iuü](?![aeo])", rest))
