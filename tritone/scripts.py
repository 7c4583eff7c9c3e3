"""Which letters a voice reads: those of the scripts that its language is written in."""

import unicodedata
from collections.abc import Iterable

LATIN = "Latin"
_SCRIPTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cs", "de", "en", "es", "fi", "fr", "it", "nl", "pl", "pt", "sv", "tr"), ()),
    "ar": ("Arabic",),
    "el": ("Greek",),
    "he": ("Hebrew",),
    "hi": ("Devanagari",),
    "ja": ("Hiragana", "Katakana", "Han"),
    "ko": ("Hangul", "Han"),
    "ru": ("Cyrillic",),
    "uk": ("Cyrillic",),
    "zh": ("Han",),
}
"""By language: the scripts that are read beside Latin."""

_OTHER_NAMES = {"CJK": "Han", "KATAKANA-HIRAGANA": "Katakana", "HALFWIDTH": "Katakana"}
_ORDINALS = "µªº"  # letters that Latin texts have, by other names
_NO_SCRIPT = ("MODIFIER", "COMBINING")


def is_latin(letter: str) -> bool:
    """Return whether a letter is one of Latin texts."""
    return letter.isascii() or "LATIN" in unicodedata.name(letter, "") or letter in _ORDINALS


def find_script(letter: str) -> str | None:
    """Return the name of a letter's script, or None where it has none of its own."""
    if is_latin(letter):
        return LATIN
    first, _, _ = unicodedata.name(letter, "").partition(" ")
    if not first or first in _NO_SCRIPT:
        return None
    return _OTHER_NAMES.get(first, first.title())


def find_unread(characters: Iterable[str], language: str) -> tuple[str, ...]:
    """Return the scripts among characters that no text of a language has, by name.

    Nothing is known of languages that the table lacks: they read everything.
    """
    known = _SCRIPTS.get(language.replace("_", "-").partition("-")[0].lower())
    if known is None:
        return ()
    found = {find_script(each) for each in set(characters) if each.isalpha()}
    return tuple(sorted(each for each in found - {None, LATIN, *known} if each))
