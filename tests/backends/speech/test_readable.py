import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.speech.readable import MAX_WORD, find_origins, make_readable


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("See https://www.example.com/a/b.", "See example dot com slash a slash b."),
        ("Mail jo.doe@example.co.uk!", "Mail jo dot doe at example dot co dot uk!"),
        ("I ❤️ you 😀!", "I    you  !"),
        ("Hello мир", "Hello    "),
        ("Really!!!!!!!!", "Really!!!"),
        ("e.g. this", "for example this"),
        ("12345678901234567", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7"),
        ("Zürich, café, 5 °C", "Zürich, café, 5 °C"),
    ],
)
def test_what_is_read(text: str, read: str) -> None:
    assert make_readable(text).text == read


def test_an_endless_word_is_read_in_parts_and_nothing_of_it_is_lost() -> None:
    read = make_readable("ab" * 2500).text
    assert max(map(len, read.split())) == MAX_WORD
    assert read.replace(" ", "") == "ab" * 2500


def test_words_that_stay_keep_their_places() -> None:
    known = make_readable("Go to https://a.example.com now")
    assert known.origins[known.text.index("now")] == "Go to https://a.example.com ".__len__()


@given(st.text(max_size=200), st.text(max_size=200))
def test_origins_only_grow_and_lie_in_the_text(changed: str, original: str) -> None:
    origins = find_origins(changed, original)
    assert len(origins) == len(changed)
    assert list(origins) == sorted(origins)
    assert all(0 <= origin < max(1, len(original)) for origin in origins)
