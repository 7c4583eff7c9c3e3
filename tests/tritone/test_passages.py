from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tritone.passages import Passage, pad
from tritone.words import Stretch


@dataclass(frozen=True)
class OneForEachCharacter:
    """An encoding with a token for each character."""

    text: str

    @property
    def ids(self) -> list[int]:
        return [ord(character) for character in self.text]

    @property
    def attention_mask(self) -> list[int]:
        return [1] * len(self.text)

    @property
    def offsets(self) -> list[Stretch]:
        return [(i, i + 1) for i in range(len(self.text))]

    @property
    def overflowing(self) -> Sequence["OneForEachCharacter"]:
        return ()


def spell(ids: list[int]) -> str:
    return "".join(map(chr, ids))


@dataclass(frozen=True)
class Counted(OneForEachCharacter):
    """The same; as in the library, each look at its tokens makes a list of them all."""

    looks: list[str]

    @property
    def ids(self) -> list[int]:
        self.looks.append("ids")
        return super().ids

    @property
    def offsets(self) -> list[Stretch]:
        self.looks.append("offsets")
        return super().offsets


def test_the_tokens_are_listed_once_however_many_they_are() -> None:
    looks: list[str] = []
    Passage("<", "abc" * 10, ">").fit(lambda text: Counted(text, looks), 12)
    assert sorted(looks) == ["ids", "offsets"]


def test_a_text_that_fits_is_whole() -> None:
    ids, read = Passage("<", "abc", ">").fit(OneForEachCharacter, 5)
    assert spell(ids) == "<abc>"
    assert (read.text, read.cut) == ("abc", ())
    assert read.kept == ((ord("a"), (0, 1)), (ord("b"), (1, 2)), (ord("c"), (2, 3)))


def test_what_is_too_much_is_taken_from_the_end_of_the_text_and_not_of_its_frame() -> None:
    ids, read = Passage("<", "abc", ">").fit(OneForEachCharacter, 4)
    assert spell(ids) == "<ab>"
    assert read.cut == ((2, 3),)


def test_a_frame_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        Passage("<<<", "abc", ">").fit(OneForEachCharacter, 3)


def test_padding_lies_behind_and_is_masked() -> None:
    ids, mask = pad([7, 8], 4)
    assert ids.tolist() == [[7, 8, 0, 0]]
    assert mask.tolist() == [[1, 1, 0, 0]]
