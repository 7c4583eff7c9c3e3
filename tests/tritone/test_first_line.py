import pytest

from tritone.first_line import first_line


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("one\ntwo"), "one"),
        (OSError("\n two"), "two"),
        (TimeoutError(), "TimeoutError()"),
    ],
)
def test_an_error_without_words_still_has_a_line(error: Exception, expected: str) -> None:
    assert first_line(error) == expected
