"""The tokenizer as one `tokenizer.json`, and its use on the texts of a request."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from export.errors import InvalidCheckpoint
from tritone.card import ModelCard
from tritone.passages import Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FILE = "tokenizer.json"


def write_tokenizer(tokenizer: "PreTrainedTokenizerBase", card: ModelCard, path: Path) -> None:
    """Write the pipeline's tokenizer, padding and truncating as the card's family wants it.

    Raises:
        InvalidCheckpoint: it is a slow one, without a `tokenizer.json`.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InvalidCheckpoint("the tokenizer has no fast version (tokenizer.json)")
    copy = Tokenizer.from_str(backend.to_str())
    length = card.spec.file_tokens(card)
    if length is None:
        copy.no_truncation()
        copy.no_padding()
    else:
        copy.enable_truncation(length, direction=tokenizer.truncation_side)
        copy.enable_padding(
            length=length,
            direction=tokenizer.padding_side,
            pad_id=tokenizer.pad_token_id,
            pad_token=tokenizer.pad_token,
        )
    copy.save(str(path), pretty=False)


def tokenize(path: Path, card: ModelCard, values: Mapping[str, object]) -> Mapping[str, Tokens]:
    """Return what the family makes of texts and controls by name: each int64 [1, ...]."""
    return card.spec.tokenize(Tokenizer.from_file(str(path)).encode, card, values).tensors
