"""The words of a text, as notes on what a model took of it count them."""

import re
from dataclasses import dataclass

WORDS_FILE = "words.txt"
"""Beside a tokenizer or in a checkpoint, if at all: the words that the model was trained with."""

Stretch = tuple[int, int]
"""Where something begins and ends in a text, in characters."""


@dataclass(frozen=True, slots=True)
class TextUse:
    """What a model took of a text."""

    words: int
    used: int  # words that it read whole
    known: int  # of those


# Scripts that are written without spaces: each character counts as a word.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTERS = rf"[^\W{_UNSPACED}]+"
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTERS}(?:[-'’.]{_LETTERS})*")
_SIGN = re.compile(r"\S+")  # in a text without words: punctuation or pictures


def find_words(text: str) -> list[Stretch]:
    """Return where the words of a text are; signs count only where there are no words."""
    matches = list(_WORD.finditer(text)) or list(_SIGN.finditer(text))
    return [match.span() for match in matches]
