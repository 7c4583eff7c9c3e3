import pytest

from tritone.first_line import first_line


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ValueError("one\ntwo"), "one"),
        (OSError("\n two"), "two"),
        (TimeoutError(), "TimeoutError()"),
        (" \n a text \nand more", "a text"),
        ("", ""),
    ],
)
def test_the_first_line_with_words_counts_and_an_error_always_has_one(
    said: str | Exception, expected: str
) -> None:
    assert first_line(said) == expected
