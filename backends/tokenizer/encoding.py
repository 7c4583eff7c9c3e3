"""Texts to padded token ids, as a model's family wants them. Knows no Triton."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from backends.errors import Code, RequestFailed
from backends.tokenizer.words import WordCounter
from tritone.card import ModelCard
from tritone.tensors import TEXT_USE
from tritone.words import WORDS_FILE, TextUse

Integers = NDArray[np.int64] | NDArray[np.int32]
Values = Mapping[str, object]
"""The inputs of one request by name; texts are bytes."""


class PromptEncoder:
    """Tokenizer of one published model."""

    def __init__(self, card: ModelCard, tokenizer_file: Path) -> None:
        """Load `tokenizer.json`.

        Raises:
            ValueError: the file pads and truncates in another way than the card's family wants.
        """
        self._card = card
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._counter = WordCounter(self._tokenizer, tokenizer_file.with_name(WORDS_FILE))
        padded = (self._tokenizer.padding or {}).get("length")
        truncated = (self._tokenizer.truncation or {}).get("max_length")
        wanted = card.spec.file_tokens(card)
        if not padded == truncated == wanted:
            raise ValueError(
                f"{tokenizer_file} pads to {padded} and truncates to {truncated} tokens, "
                f"the card says {wanted}: export the model again"
            )

    def encode(self, rows: Sequence[Values]) -> dict[str, Integers]:
        """Return the tokens of requests, each int64 [batch, ...], and `TEXT_USE` [batch, 2, 3].

        Raises:
            RequestFailed: a text is not UTF-8 (Triton passes on any bytes), or a value is none
                that the family takes.
        """
        found = [self._tokenize(_decode(row)) for row in rows]
        return {name: np.concatenate([row[name] for row in found]) for name in found[0]}

    def _tokenize(self, values: Values) -> dict[str, Integers]:
        try:
            made = self._card.spec.tokenize(self._tokenizer.encode, self._card, values)
        except ValueError as error:
            raise RequestFailed(str(error), Code.INVALID_ARG) from error
        uses = [_counts(self._counter.count(text)) for text in made.texts]
        return {**made.tensors, TEXT_USE: np.array([uses], np.int32)}


def _counts(use: TextUse) -> tuple[int, int, int]:
    return use.words, use.used, use.known


def _decode(row: Values) -> Values:
    return {n: _text(v, n) if isinstance(v, bytes) else v for n, v in row.items()}


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestFailed(f"{name} is not UTF-8: {error.reason}", Code.INVALID_ARG) from error
