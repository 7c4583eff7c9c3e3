"""The engine `hibari`: the normaliser, phonemes and signal processing of the package hibari-tts.

Knows no Triton. The package is Apache-2.0, its notice is in THIRD_PARTY.md.
"""

import importlib
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import hibari
import numpy as np
from hibari import dsp
from hibari.g2p import G2P
from hibari.g2p.token import Tok
from numpy.typing import NDArray

from backends.speech.engine import Network, Reading, Sound, Token
from backends.speech.phonemes import from_ipa
from backends.speech.readable import origins_of, readable
from backends.speech.script import Piece
from backends.speech.trimming import trim
from tritone.speech_tensors import DURATIONS, IDS, SPEED

# The package hides this module behind its function of the same name.
rules = importlib.import_module("hibari.g2p.normalize")

# Release 0.2.1 takes any word in I, V, X, L or C after a king's title for a numeral: "King Charles"
# became "King the zeroth Charles", and part C part 100. A test asks whether that is still so.
for _name in ("RE_ROMAN_C", "RE_ROMAN_O"):
    _pattern = getattr(rules, _name).pattern.replace("(?=[IVXLC])", r"(?![LCDM]\b)(?=[IVXLCDM]+\b)")
    setattr(rules, _name, re.compile(_pattern))

_log = logging.getLogger(__name__)

UNIT_S = 0.025  # of the durations
_PAD = 0
_SPACE = " "
_FRAMES = ("lh", "theta", "ln", "lr", "phi", "f0")

# What the network was trained for; beyond it vowels turn into noise or vanish.
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0


class Hibari:
    """English by one network. Its noise depends on the seed and the passage alone."""

    def __init__(self, network: Network) -> None:
        """Load the dictionaries."""
        self._network = network
        self._g2p = G2P()
        # Loaded when first used otherwise, perhaps by two threads at once.
        self._g2p.oov("tritone")
        vocabulary = Path(hibari.__file__).parent / "assets" / "vocab.json"
        self._ids: dict[str, int] = json.loads(vocabulary.read_text("utf-8"))
        self._noise = _NoiseTable()

    def read(self, pieces: Sequence[Piece], *, normalizes: bool) -> Reading | None:
        """Return a passage as phonemes, or None where it holds nothing that can be spoken."""
        written = _Written()
        tokens: list[Tok] = []
        for piece in pieces:
            tokens += self._tokens(piece, written, normalizes=normalizes)
        return self._reading(self._phonemize(tokens), written)

    def _tokens(self, piece: Piece, written: "_Written", *, normalizes: bool) -> list[Tok]:
        if piece.ipa:
            word = piece.text or "x"
            written.add(word, [piece.begin] * len(word))
            return [Tok(word, "NN", _SPACE, phonemes=from_ipa(piece.ipa, self._ids), rating=5)]
        known = readable(piece.text)
        text = rules.normalize(known.text) if normalizes else " ".join(known.text.split())
        if not text:
            return []
        spans = origins_of(text, known.text)
        if piece.is_as_written:
            origins = [piece.begin + known.origins[i] for i in spans]
        else:
            origins = [piece.begin] * len(text)
        made: list[Tok] = self._g2p.tokenize(text)
        if piece.text[-1:].isspace() and made:
            made[-1].whitespace = _SPACE
        written.add(text, origins)
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

    def _reading(self, tokens: list[Tok], written: "_Written") -> Reading | None:
        ids, read, position = [_PAD], [], 0
        for token in tokens:
            begin = written.text.find(token.text, position)
            begin = position if begin < 0 else begin
            position = min(begin + len(token.text), len(written.text))
            first = len(ids)
            ids += [self._ids[c] for c in token.phonemes or "" if c in self._ids]
            read.append(Token(begin, position, first, len(ids)))
            if token.whitespace and ids[-1] not in (_PAD, self._ids[_SPACE]):
                ids.append(self._ids[_SPACE])
        if ids[-1] == self._ids[_SPACE]:
            ids.pop()
        if not any(token.last_id > token.first_id for token in read):
            return None
        return Reading(
            np.array([*ids, _PAD], np.int64), written.text, tuple(written.origins), tuple(read)
        )

    def speak(self, reading: Reading, speed: float, seed: int, index: int) -> Sound:
        """Return the sound of a reading; `index` is its place among the passages of a request.

        Raises:
            RequestFailed: the network's own error.
        """
        pace = min(max(speed, _MIN_SPEED), _MAX_SPEED)
        answer = self._network({IDS: reading.ids[np.newaxis], SPEED: np.array([pace], np.float32)})
        frames = [answer[name][0] for name in _FRAMES]
        waveform = dsp.synth(*frames, self._noise.source(seed, index))
        edges_s = np.concatenate([[0.0], np.cumsum(answer[DURATIONS], dtype=np.float64)]) * UNIT_S
        return trim(Sound(waveform, edges_s), dsp.SR, stretch=pace / speed)


class _Written:
    """The normalised text of a passage as it grows, and where its characters come from."""

    def __init__(self) -> None:
        self.text = ""
        self.origins: list[int] = []

    def add(self, text: str, origins: Sequence[int]) -> None:
        if self.text:
            self.text += _SPACE
            self.origins.append(origins[0])
        self.text += text
        self.origins += origins


class _NoiseTable:
    """White noise, drawn once: each passage hears another part of it.

    To draw it anew costs a tenth of all processor time of a passage.
    """

    _SIZE = 1 << 22  # 50 s of a passage, in 16 MiB
    _SEED = 20261121

    def __init__(self) -> None:
        generator = np.random.Generator(np.random.Philox(self._SEED))
        self._table = generator.standard_normal(self._SIZE, dtype=np.float32)

    def source(self, seed: int, index: int) -> "_NoisePart":
        """Return the noise of one passage of a request."""
        key = np.array([seed & (1 << 64) - 1, index], np.uint64)
        begin = np.random.Generator(np.random.Philox(key=key)).integers(self._SIZE)
        return _NoisePart(self._table, int(begin))


class _NoisePart:
    """What `dsp.synth` asks a random generator for."""

    def __init__(self, table: NDArray[np.float32], begin: int) -> None:
        self._table = table
        self._begin = begin

    def standard_normal(self, shape: tuple[int, ...], dtype: type) -> NDArray[np.float32]:
        """Return standard normal noise, float32; it is the caller's to change."""
        size = int(np.prod(shape))
        indices = range(self._begin, self._begin + size)
        if indices.stop <= len(self._table):
            return self._table[indices.start : indices.stop].reshape(shape).copy()
        return np.take(self._table, indices, mode="wrap").reshape(shape)
