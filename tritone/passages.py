"""Texts on their way to token ids, and what the ids hold of them.

Knows no tokenizer: whoever has one passes it in as a function.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tritone.words import Stretch

Tokens = NDArray[np.int64]


class Encoding(Protocol):
    """What the library `tokenizers` makes of a text."""

    @property
    def ids(self) -> list[int]:
        """Of every token, padding included."""

    @property
    def attention_mask(self) -> list[int]:
        """1 for tokens, 0 for padding."""

    @property
    def offsets(self) -> list[Stretch]:
        """Which characters each token stands for."""

    @property
    def overflowing(self) -> "Sequence[Encoding]":
        """What was cut."""


Encode = Callable[[str], Encoding]


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text of somebody, and what of it is in the tokens."""

    text: str
    kept: tuple[tuple[int, Stretch], ...]  # id of a token, and where it lies in the text
    cut: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Tokenized:
    """The tokens of one request, by tensor, each [1, ...], and what they hold of its two texts."""

    tensors: Mapping[str, Tokens]
    texts: tuple[ReadText, ReadText]


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody's text in the frame that a model was trained with. Only the text may be cut."""

    before: str
    text: str
    after: str

    def fit(self, encode: Encode, max_tokens: int) -> tuple[list[int], ReadText]:
        """Return at most `max_tokens` ids: what is too much is taken from the end of the text.

        Raises:
            ValueError: the frame alone is too long.
        """
        encoding = encode(self.before + self.text + self.after)
        ids, offsets = encoding.ids, encoding.offsets  # each access makes a list of all tokens
        begin, end = len(self.before), len(self.before) + len(self.text)
        inside = [i for i, (a, b) in enumerate(offsets) if begin <= a < b <= end]
        excess = max(0, len(ids) - max_tokens)
        if excess > len(inside):
            raise ValueError(f"{max_tokens} tokens are too few for the text around a prompt")
        dropped = set(inside[len(inside) - excess :])

        def place(i: int) -> Stretch:
            return offsets[i][0] - begin, offsets[i][1] - begin

        return [each for i, each in enumerate(ids) if i not in dropped], ReadText(
            text=self.text,
            kept=tuple((ids[i], place(i)) for i in inside if i not in dropped),
            cut=tuple(place(i) for i in sorted(dropped)),
        )


def pad(ids: Sequence[int], length: int) -> tuple[Tokens, Tokens]:
    """Return ids and mask, int64 [1, length]: padding is behind, and masked."""
    padded, mask = np.zeros((2, 1, length), np.int64)
    padded[0, : len(ids)] = ids
    mask[0, : len(ids)] = 1
    return padded, mask


def read_whole(text: str, encoding: Encoding) -> ReadText:
    """Return what an encoding, cut by its tokenizer, holds of a text."""
    kept = zip(encoding.ids, encoding.offsets, strict=True)
    return ReadText(
        text=text,
        kept=tuple((id_, stretch) for id_, stretch in kept if stretch[0] < stretch[1]),
        cut=tuple(s for part in encoding.overflowing for s in part.offsets if s[0] < s[1]),
    )
