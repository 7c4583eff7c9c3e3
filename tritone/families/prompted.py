"""What families have in common whose models take a prompt and, guided, a negative prompt.

Both are rows of one tensor; `tokenizer.json` pads and cuts by itself.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tritone.controls import Control
from tritone.limits import MAX_TEXT_CHARS
from tritone.passages import Encode, Tokenized, read_whole
from tritone.tensors import (
    ATTENTION_MASK,
    INPUT_IDS,
    NEGATIVE_PROMPT,
    PROMPT,
    TensorSpec,
    scalar,
)

if TYPE_CHECKING:
    from tritone.card import ModelCard

TEXT_NAMES = "the prompt", "the negative prompt"
_NEGATIVE = Control(name=NEGATIVE_PROMPT, most=MAX_TEXT_CHARS)


def list_controls(card: "ModelCard") -> tuple[Control, ...]:
    """Return the controls of a model: without guidance there is nothing to guide away from."""
    return (_NEGATIVE,) if card.guidance else ()


def list_texts(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return prompt and negative prompt, which models without guidance take, too."""
    return scalar(PROMPT, "STRING"), scalar(NEGATIVE_PROMPT, "STRING")


def list_tokens(card: "ModelCard") -> tuple[TensorSpec, ...]:
    """Return ids and mask. Row 0 is the prompt, row 1 the negative prompt."""
    dims = (2, card.prompt_tokens)
    return TensorSpec(INPUT_IDS, "INT64", dims), TensorSpec(ATTENTION_MASK, "INT64", dims)


def file_tokens(card: "ModelCard") -> int:
    """Return to how many tokens `tokenizer.json` pads and cuts."""
    return card.prompt_tokens


def tokenize(encode: Encode, card: "ModelCard", values: Mapping[str, Any]) -> Tokenized:
    """Return both texts as ids, int64 [1, 2, prompt_tokens], and their mask."""
    prompt, negative = str(values[PROMPT]), str(values[NEGATIVE_PROMPT])
    pair = encode(prompt), encode(negative)
    ids = np.array([[each.ids for each in pair]], np.int64)
    mask = np.array([[each.attention_mask for each in pair]], np.int64)
    texts = read_whole(prompt, pair[0]), read_whole(negative, pair[1])
    return Tokenized({INPUT_IDS: ids, ATTENTION_MASK: mask}, texts)


def tokenize_without_empty(
    encode: Encode, card: "ModelCard", values: Mapping[str, Any]
) -> Tokenized:
    """As `tokenize`, but an empty negative prompt is masked out.

    The model then guides away from zeros.
    """
    found = tokenize(encode, card, values)
    if not values[NEGATIVE_PROMPT]:
        found.tensors[ATTENTION_MASK][:, 1] = 0
    return found
