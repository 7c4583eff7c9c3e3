"""What callers are told of words that the model did not take."""

import pytest

from frontend.sounds.text_notes import note_text_uses
from tritone.words import TextUse

NONE = TextUse(0, 0, 0)


@pytest.mark.parametrize(
    ("uses", "notes"),
    [
        ((), ()),  # published by an older release
        ((TextUse(3, 3, 3), NONE), ()),
        (
            (TextUse(41, 22, 22), NONE),
            ("22 of 41 words of the prompt were used: the model reads no more",),
        ),
        ((TextUse(2, 2, 0), NONE), ("the model knows no word of the prompt",)),
        ((TextUse(2, 2, 1), NONE), ("the model does not know 1 of 2 words of the prompt",)),
        (
            (TextUse(9, 4, 2), TextUse(5, 5, 0)),
            (
                "4 of 9 words of the prompt were used: the model reads no more",
                "the model does not know 2 of 4 words of the prompt",
                "the model knows no word of the negative prompt",
            ),
        ),
        (
            (TextUse(1, 0, 0), NONE),
            ("0 of 1 words of the prompt were used: the model reads no more",),
        ),
    ],
)
def test_notes_count_words_that_were_cut_or_are_unknown(
    uses: tuple[TextUse, ...], notes: tuple[str, ...]
) -> None:
    assert note_text_uses(uses, ("the prompt", "the negative prompt")) == notes
