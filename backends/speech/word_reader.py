"""Reads passages word by word, with whatever knows the words of a language. Knows no Triton."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backends.speech.engine import Reading, Token
from backends.speech.phonemes import PAD
from backends.speech.readable import make_readable
from backends.speech.script import Piece
from backends.speech.written import Written

Spoken = tuple[int, int, str]
"""Where a word or a mark begins and ends in a text, and its phonemes.

Those of a word that stands apart from the one before begin with a space.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How one language is read."""

    tag: str  # BCP 47
    expand: Callable[[str], str]  # a text to the same with its numbers as words
    find: Callable[[str], Iterable[Spoken]]  # of a text that is expanded


class WordReader:
    """Reads passages of one language."""

    def __init__(self, ids: dict[str, int], language: Language) -> None:
        """Read with the ids of the voice's phonemes."""
        self._ids = ids
        self._language = language

    def read(self, pieces: Sequence[Piece], *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken.

        Raises:
            RequestFailed: a phonemizer's own error.
        """
        written, tokens, ids = Written(), list[Token](), [PAD]
        for piece in pieces:
            text, origins = self._normalize(piece, normalizes=normalizes)
            if not text.strip():
                continue
            written.add(text, origins)
            offset = len(written.text) - len(text)
            given = [(0, len(text), f" {piece.ipa}")] if piece.ipa else self._language.find(text)
            for begin, end, phonemes in given:
                if phonemes[:1] == " " and ids[-1] not in (PAD, self._ids[" "]):
                    ids.append(self._ids[" "])
                first = len(ids)
                ids += [self._ids[each] for each in phonemes.lstrip() if each in self._ids]
                tokens.append(Token(offset + begin, offset + end, first, len(ids)))
        if not any(each.last_id > each.first_id and _is_word(written.text[each.begin : each.end])
                   for each in tokens):  # fmt: skip
            return None
        return Reading(
            np.array([*ids, PAD], np.int64), written.text, tuple(written.origins), tuple(tokens)
        )

    def _normalize(self, piece: Piece, *, normalizes: bool) -> tuple[str, list[int]]:
        if piece.ipa:
            text = piece.text or "x"
            return text, [piece.begin] * len(text)
        known = make_readable(piece.text, self._language.tag)
        text = " ".join(known.text.split())
        text = self._language.expand(text) if normalizes else text
        return text, piece.locate(text, known)


def _is_word(text: str) -> bool:
    return any(each.isalnum() for each in text)


def align(
    spans: Sequence[tuple[int, int]], spoken: Sequence[str]
) -> Iterator[tuple[int, int, str]]:
    """Yield each spoken word with where the written ones are that it stands for.

    Phonemizers join words ("of the") and read figures as several: then they are spread evenly.
    """
    n_written, n_spoken = len(spans), len(spoken)
    for k, word in enumerate(spoken):
        first = min(k * n_written // n_spoken, n_written - 1)
        last = max((k + 1) * n_written // n_spoken - 1, first)
        yield spans[first][0], spans[last][1], word
