"""The tokenizer as one `tokenizer.json` that pads and cuts by itself, and its use on two texts."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.errors import InvalidCheckpoint
from tritone.card import ModelCard

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FILE = "tokenizer.json"

Tokens = tuple[NDArray[np.int64], NDArray[np.int64]]


def write_tokenizer(tokenizer: "PreTrainedTokenizerBase", card: ModelCard, path: Path) -> None:
    """Write the pipeline's tokenizer, padding and truncating to the card's `prompt_tokens`.

    Raises:
        InvalidCheckpoint: it is a slow one, without a `tokenizer.json`.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InvalidCheckpoint("the tokenizer has no fast version (tokenizer.json)")
    copy = Tokenizer.from_str(backend.to_str())
    copy.enable_truncation(card.prompt_tokens, direction=tokenizer.truncation_side)
    copy.enable_padding(
        length=card.prompt_tokens,
        direction=tokenizer.padding_side,
        pad_id=tokenizer.pad_token_id,
        pad_token=tokenizer.pad_token,
    )
    copy.save(str(path), pretty=False)


def tokenize(path: Path, card: ModelCard, prompt: str, negative_prompt: str) -> Tokens:
    """Return input ids and attention mask: each int64 [1, 2, prompt_tokens], prompt first."""
    tokenizer = Tokenizer.from_file(str(path))
    encodings = tokenizer.encode_batch([prompt, negative_prompt])
    ids = np.array([[e.ids for e in encodings]], np.int64)
    mask = np.array([[e.attention_mask for e in encodings]], np.int64)
    if not negative_prompt and card.spec.empty_negative == "zeros":
        mask[:, 1] = 0
    return ids, mask
