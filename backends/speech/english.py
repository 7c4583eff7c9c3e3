"""English as the phonemes of misaki: the normaliser and dictionaries of the package hibari-tts.

Voices of Kokoro's kin read these letters. The package is Apache-2.0, its notice is in
THIRD_PARTY.md. Knows no Triton.
"""

import importlib
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import hibari
import numpy as np
from hibari.g2p import G2P
from hibari.g2p.token import Tok

from backends.speech.engine import Reading, Token
from backends.speech.phonemes import PAD, from_ipa
from backends.speech.readable import make_readable
from backends.speech.script import Piece
from backends.speech.written import Written

# The package hides this module behind its function of the same name.
rules = importlib.import_module("hibari.g2p.normalize")

# Release 0.2.1 takes any word in I, V, X, L or C after a king's title for a numeral: "King Charles"
# became "King the zeroth Charles", and part C part 100. A test asks whether that is still so.
for _name in ("RE_ROMAN_C", "RE_ROMAN_O"):
    _pattern = getattr(rules, _name).pattern.replace("(?=[IVXLC])", r"(?![LCDM]\b)(?=[IVXLCDM]+\b)")
    setattr(rules, _name, re.compile(_pattern))

_log = logging.getLogger(__name__)

_SPACE = " "


def load_vocabulary() -> dict[str, int]:
    """Return the id of each phoneme, in misaki's letters."""
    vocabulary = Path(hibari.__file__).parent / "assets" / "vocab.json"
    ids: dict[str, int] = json.loads(vocabulary.read_text("utf-8"))
    return ids


class EnglishReader:
    """American or British English."""

    def __init__(self, ids: dict[str, int], *, is_british: bool = False) -> None:
        """Load the dictionaries."""
        self._g2p = G2P(british=is_british)
        # Loaded when first used otherwise, perhaps by two threads at once.
        self._g2p.oov("tritone")
        self._ids = ids

    def read(self, pieces: Sequence[Piece], *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken."""
        written = Written()
        tokens: list[Tok] = []
        for piece in pieces:
            tokens += self._tokens(piece, written, normalizes=normalizes)
        return self._reading(self._phonemize(tokens), written)

    def _tokens(self, piece: Piece, written: Written, *, normalizes: bool) -> list[Tok]:
        if piece.ipa:
            word = piece.text or "x"
            written.add(word, [piece.begin] * len(word))
            return [Tok(word, "NN", _SPACE, phonemes=from_ipa(piece.ipa, self._ids), rating=5)]
        known = make_readable(piece.text)
        text = rules.normalize(known.text) if normalizes else " ".join(known.text.split())
        if not text:
            return []
        made: list[Tok] = self._g2p.tokenize(text)
        if piece.text[-1:].isspace() and made:
            made[-1].whitespace = _SPACE
        written.add(text, piece.locate(text, known))
        return made

    def _phonemize(self, tokens: list[Tok]) -> list[Tok]:
        try:
            return list(self._g2p.phonemize_tokens(tokens)) if tokens else []
        except (ValueError, IndexError, KeyError, TypeError) as error:
            # One strange word must not silence its sentence: each is read alone.
            _log.warning("a sentence is read word by word: %r", error)
            return [token for each in tokens for token in self._alone(each)]

    def _alone(self, token: Tok) -> list[Tok]:
        try:
            return list(self._g2p.phonemize_tokens([token.copy()]))
        except (ValueError, IndexError, KeyError, TypeError):
            return []

    def _reading(self, tokens: list[Tok], written: Written) -> Reading | None:
        ids, read, position = [PAD], [], 0
        for token in tokens:
            begin = written.text.find(token.text, position)
            begin = position if begin < 0 else begin
            position = min(begin + len(token.text), len(written.text))
            first = len(ids)
            ids += [self._ids[c] for c in token.phonemes or "" if c in self._ids]
            read.append(Token(begin, position, first, len(ids)))
            if token.whitespace and ids[-1] not in (PAD, self._ids[_SPACE]):
                ids.append(self._ids[_SPACE])
        if ids[-1] == self._ids[_SPACE]:
            ids.pop()
        if not any(token.last_id > token.first_id for token in read):
            return None
        return Reading(
            np.array([*ids, PAD], np.int64), written.text, tuple(written.origins), tuple(read)
        )
