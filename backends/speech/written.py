"""The text of a passage as it is read. Knows no engine."""

from collections.abc import Iterator, Sequence

import numpy as np

from backends.speech.engine import Reading, Token
from backends.speech.script import Piece

_SPACE = " "


class Written:
    """The normalised text of a passage as it grows, and where its characters come from."""

    def __init__(self) -> None:
        self.text = ""
        self.origins: list[int] = []

    def add(self, text: str, origins: Sequence[int]) -> None:
        """Add a part of the text, with the index in the request's text of each character."""
        if self.text:
            self.text += _SPACE
            self.origins.append(origins[0])
        self.text += text
        self.origins += origins


def read_as_written(pieces: Sequence[Piece]) -> Reading | None:
    """Return a passage as its characters, for whoever makes phonemes of it by itself.

    None: it holds no letter and no digit.
    """
    written = Written()
    for piece in pieces:
        text = piece.text.strip()
        lead = len(piece.text) - len(piece.text.lstrip())
        if not text:
            continue
        begin = piece.begin + lead if piece.is_as_written else piece.begin
        step = 1 if piece.is_as_written else 0
        written.add(text, [begin + step * i for i in range(len(text))])
    if not any(character.isalnum() for character in written.text):
        return None
    ids = np.array([ord(each) for each in written.text], np.int64)
    return Reading(ids, written.text, tuple(written.origins), tuple(_tokens(written.text)))


def _tokens(text: str) -> Iterator[Token]:
    begin = 0
    for word in text.split(" "):
        end = begin + len(word)
        yield Token(begin, end, begin, end)
        begin = end + 1
