"""Texts to padded token ids, equal to Hugging Face's `padding="max_length", truncation=True`.

Knows no Triton.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from backends.errors import Code, RequestFailed
from backends.tokenizer.words import TextUse, WordCounter
from tritone.card import ModelCard
from tritone.tensors import NEGATIVE_PROMPT, PROMPT
from tritone.words import WORDS_FILE

Tokens = NDArray[np.int64]
Uses = NDArray[np.int32]


class PromptEncoder:
    """Tokenizer of one published model; its file pads and truncates by itself."""

    def __init__(self, card: ModelCard, tokenizer_file: Path) -> None:
        """Load `tokenizer.json`.

        Raises:
            ValueError: the file does not pad and truncate to the card's `prompt_tokens`.
        """
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._counter = WordCounter(self._tokenizer, tokenizer_file.with_name(WORDS_FILE))
        self._negative_is_zeros = card.spec.empty_negative == "zeros"
        padded = (self._tokenizer.padding or {}).get("length")
        truncated = (self._tokenizer.truncation or {}).get("max_length")
        if not padded == truncated == card.prompt_tokens:
            raise ValueError(
                f"{tokenizer_file} pads to {padded} and truncates to {truncated} tokens, "
                f"the card says {card.prompt_tokens}: export the model again"
            )

    def encode(
        self, prompts: Sequence[bytes], negative_prompts: Sequence[bytes]
    ) -> tuple[Tokens, Tokens, Uses]:
        """Return ids and attention mask, each int64 [batch, 2, prompt_tokens]; row 1: the negative.

        Third: what they hold of the texts, int32 [batch, 2, 3], as `tensors.TEXT_USE` says.

        Raises:
            RequestFailed: a text is not UTF-8 (Triton passes on any bytes).
        """
        pairs = [
            (_text(prompt, PROMPT), _text(negative, NEGATIVE_PROMPT))
            for prompt, negative in zip(prompts, negative_prompts, strict=True)
        ]
        rows = [[self._tokenizer.encode(text) for text in pair] for pair in pairs]
        ids = np.array([[e.ids for e in row] for row in rows], np.int64)
        mask = np.array([[e.attention_mask for e in row] for row in rows], np.int64)
        if self._negative_is_zeros:  # such a family's guidance is trained against zeros
            mask[[not negative for _, negative in pairs], 1] = 0
        uses = [
            [self._counter.count(text, e) for text, e in zip(pair, row, strict=True)]
            for pair, row in zip(pairs, rows, strict=True)
        ]
        return ids, mask, np.array([[_counts(use) for use in pair] for pair in uses], np.int32)


def _counts(use: TextUse) -> tuple[int, int, int]:
    return use.words, use.used, use.known


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestFailed(f"{name} is not UTF-8: {error.reason}", Code.INVALID_ARG) from error
