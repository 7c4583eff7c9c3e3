"""Text as it can be read aloud: addresses in words, endless words in parts, no pictures.

Each character of the result knows the one of the text that it stands for. Knows no engine.
"""

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from difflib import SequenceMatcher

from tritone.scripts import LATIN, find_script, find_unread, is_latin

MAX_WORD = 24
"""Characters of one word that readers of unknown words take at once."""

_MAX_NUMBER = 15  # digits that are read as one number; longer ones digit by digit
_MAX_REPEATED = 3  # of one mark, as in "!!!"

_ADDRESS = re.compile(
    r"(?:https?://|ftp://|www\.)[^\s<>\"“”]+"
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w.@-])(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|ai|co\.uk)\b(?:/[^\s<>\"“”]*)?",
    re.IGNORECASE,
)
_PICTURES = {"So", "Sk", "Cc", "Cf", "Cn", "Co", "Cs"}  # and controls, and what has no meaning
_VARIATIONS = {chr(code) for code in range(0xFE00, 0xFE10)}  # which look a picture has
_SCHEME = re.compile(r"^(?:https?://|ftp://)?(?:www\.)?", re.IGNORECASE)
_ADDRESS_END = re.compile(r"[.,;:!?)\]'’]+$")
_ADDRESS_MARKS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "&": "and", "=": "equals", "#": "hash", "+": "plus", "%": "percent", "~": "tilde",
    ":": "colon",
}  # fmt: skip
_LATIN_WORDS = {"e.g.": "for example", "i.e.": "that is"}
_LATIN = re.compile(r"\b(?:e\.g\.|i\.e\.)(?=[\s,])", re.IGNORECASE)
_LONG_NUMBER = re.compile(rf"\d{{{_MAX_NUMBER + 1},}}")
_LONG_WORD = re.compile(rf"\S{{{MAX_WORD + 1},}}")
_REPEATED = re.compile(rf"([^\w\s])\1{{{_MAX_REPEATED},}}")
_UNREADABLE_WORD = re.compile(r"\S+")
_WORD = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class Readable:
    """A text, and for each of its characters the index of the one that it stands for."""

    text: str
    origins: tuple[int, ...]


def make_readable(text: str, language: str = "en") -> Readable:
    """Return the text with everything in it that a reader of the language can read."""
    changed = _ADDRESS.sub(lambda match: _address_in_words(match[0]), text)
    changed = _LATIN.sub(lambda match: _LATIN_WORDS[match[0].lower()], changed)
    changed = "".join(map(_readable_character, changed))
    changed = _UNREADABLE_WORD.sub(lambda match: _readable_word(match[0], language), changed)
    changed = _REPEATED.sub(lambda match: match[1] * _MAX_REPEATED, changed)
    changed = _LONG_NUMBER.sub(lambda match: " ".join(match[0]), changed)
    changed = _LONG_WORD.sub(_in_parts, changed)
    return Readable(changed, find_origins(changed, text))


def _address_in_words(address: str) -> str:
    end = _ADDRESS_END.search(address)
    tail = end[0] if end else ""
    body = _SCHEME.sub("", address.removesuffix(tail)).rstrip("/")
    words = re.sub(r"[^\w]|_", lambda m: f" {_ADDRESS_MARKS.get(m[0], '')} ", body)
    return " ".join(words.split()) + tail


def _readable_character(character: str) -> str:
    """Return a space for pictures, controls and the invisible, else the character."""
    is_picture = unicodedata.category(character) in _PICTURES and character not in "°©®™"
    return " " if is_picture or character in _VARIATIONS else character


def _readable_word(word: str, language: str) -> str:
    """Return the word, or nothing of it but its marks where its script cannot be read."""
    if all(not each.isalpha() or _is_read(each, language) for each in word):
        return word
    return "".join(each if not each.isalpha() or _is_read(each, language) else " " for each in word)


def _is_read(letter: str, language: str) -> bool:
    if is_latin(letter):
        return True
    return find_script(letter) not in (None, LATIN) and not find_unread(letter, language)


def _in_parts(match: re.Match[str]) -> str:
    word = match[0]
    parts = (word[i : i + MAX_WORD] for i in range(0, len(word), MAX_WORD))
    return " ".join(parts)


def find_origins(changed: str, original: str) -> tuple[int, ...]:
    """Return for each character of a changed text the index in the original one; it only grows.

    Words that both have stand for each other; between them, what is new is spread evenly.
    """
    if changed == original:
        return tuple(range(len(original)))
    new, old = _WORD.findall(changed), _WORD.findall(original)
    new_at, old_at = _starts(new), _starts(old)
    origins: list[int] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        begin, end = old_at[i1], old_at[i2]
        n_new = new_at[j2] - new_at[j1]
        if tag == "equal":
            origins += range(begin, end)
        else:
            last = max(begin, end - 1) if begin < len(original) else len(original) - 1
            span = max(end - begin, 1)
            origins += [min(begin + k * span // max(n_new, 1), last) for k in range(n_new)]
    return tuple(max(0, origin) for origin in origins)


def _starts(words: list[str]) -> list[int]:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return starts


def index_from(origins: tuple[int, ...], position: int) -> int:
    """Return the first index whose origin is not before a position."""
    return bisect_left(origins, position)
