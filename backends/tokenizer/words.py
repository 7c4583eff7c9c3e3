"""How many words of a text its tokens hold, and how many of them the model knows.

Knows no Triton.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer

from tritone.passages import ReadText
from tritone.words import Stretch, TextUse, find_words


class WordCounter:
    """Counts words for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, words_file: Path) -> None:
        """Read which words the model knows, where that is published.

        Where it is not, a word is unknown if the tokenizer has no token for a part of it.
        """
        self._tokenizer = tokenizer
        self._unknown_id = _find_unknown_id(tokenizer)
        self._known: Collection[str] | None = None
        if words_file.is_file():
            self._known = frozenset(words_file.read_text(encoding="utf-8").split())

    def count(self, read: ReadText) -> TextUse:
        """Return how much of a text is in its tokens."""
        words = find_words(read.text)
        used = list(_untouched(words, read.cut))
        unknown = [stretch for id_, stretch in read.kept if id_ == self._unknown_id]
        known = [read.text[slice(*word)] for word in _untouched(used, unknown)]
        return TextUse(len(words), len(used), sum(map(self._is_known, known)))

    def _is_known(self, word: str) -> bool:
        if self._known is None:
            return True
        normalizer = self._tokenizer.normalizer
        return (normalizer.normalize_str(word) if normalizer else word) in self._known


def _untouched(words: Iterable[Stretch], stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    touched = {i for stretch in stretches for i in range(*stretch)}
    return (word for word in words if touched.isdisjoint(range(*word)))


def _find_unknown_id(tokenizer: Tokenizer) -> int | None:
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_token") is not None:
        model["unk_id"] = tokenizer.token_to_id(model["unk_token"])
    unknown_id: int | None = model.get("unk_id")
    return unknown_id
