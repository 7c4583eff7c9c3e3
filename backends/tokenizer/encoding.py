"""Texts to padded token ids, equal to Hugging Face's `padding="max_length", truncation=True`.

Knows no Triton.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from backends.errors import Code, RequestFailed
from tritone.card import ModelCard

Tokens = NDArray[np.int64]

# Where the file has no padding section. Source: the special tokens of T5, T5Gemma and BERT style
# tokenizers, in this order.
_PAD_TOKENS = ("<pad>", "[PAD]")


class PromptEncoder:
    """Tokenizer of one published model."""

    def __init__(self, card: ModelCard, tokenizer_file: Path) -> None:
        """Load `tokenizer.json`.

        Raises:
            ValueError: the file names no padding token.
        """
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._n_tokens = card.prompt_tokens
        self._negative_is_zeros = card.spec.empty_negative == "zeros"
        self._pad_id = self._pad()
        self._tokenizer.enable_truncation(max_length=self._n_tokens)

    def _pad(self) -> int:
        padding = self._tokenizer.padding or {}
        tokens = (padding["pad_token"],) if padding else _PAD_TOKENS
        found = ((token, self._tokenizer.token_to_id(token)) for token in tokens)
        token, pad_id = next(((t, i) for t, i in found if i is not None), ("", None))
        if pad_id is None:
            raise ValueError(f"tokenizer.json has none of the padding tokens {', '.join(tokens)}")
        self._tokenizer.enable_padding(
            direction=padding.get("direction", "right"),
            pad_id=pad_id,
            pad_token=token,
            pad_type_id=padding.get("pad_type_id", 0),
            length=self._n_tokens,
        )
        return pad_id

    def encode(self, prompt: str, negative_prompt: str) -> tuple[Tokens, Tokens]:
        """Return ids and attention mask, each int64 [2, prompt_tokens]; row 1 is the negative."""
        ids = np.full((2, self._n_tokens), self._pad_id, np.int64)
        mask = np.zeros((2, self._n_tokens), np.int64)
        for row, text in enumerate((prompt, negative_prompt)):
            if row == 1 and not text and self._negative_is_zeros:
                continue  # the family's guidance is trained against zeros, not against ""
            encoding = self._tokenizer.encode(text)
            ids[row], mask[row] = encoding.ids, encoding.attention_mask
        return ids, mask

    def encode_request(
        self, prompts: Sequence[bytes], negatives: Sequence[bytes]
    ) -> tuple[Tokens, Tokens]:
        """Return ids and attention mask, each int64 [batch, 2, prompt_tokens].

        Raises:
            RequestFailed: a text is not UTF-8 (Triton passes on any bytes).
        """
        rows = [
            self.encode(_text(prompt, "prompt"), _text(negative, "negative_prompt"))
            for prompt, negative in zip(prompts, negatives, strict=True)
        ]
        ids, masks = zip(*rows, strict=True)
        return np.stack(ids), np.stack(masks)


def _text(raw: bytes, name: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise RequestFailed(f"{name} is not UTF-8: {error.reason}", Code.INVALID_ARG) from error
