import pytest

from frontend.storage.ranges import ByteRange, UnsatisfiableRange, parse_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("bytes=0-9", ByteRange(0, 10), id="first-ten"),
        pytest.param("bytes=90-", ByteRange(90, 100), id="from"),
        pytest.param("bytes=-10", ByteRange(90, 100), id="last-ten"),
        pytest.param("bytes=-1000", ByteRange(0, 100), id="more-than-there-is"),
        pytest.param("bytes=50-1000", ByteRange(50, 100), id="past-the-end"),
        pytest.param(" bytes=99-99 ", ByteRange(99, 100), id="one-byte"),
    ],
)
def test_one_range_is_honoured(text: str, expected: ByteRange) -> None:
    assert parse_range(text, 100) == expected


@pytest.mark.parametrize(
    "text", [None, "", "bytes=-", "bytes=5-2", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes 1"]
)
def test_anything_else_asks_for_the_whole(text: str | None) -> None:
    assert parse_range(text, 100) is None


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_a_part_that_does_not_exist_cannot_be_had(text: str) -> None:
    with pytest.raises(UnsatisfiableRange):
        parse_range(text, 100)


def test_an_empty_file_has_no_parts() -> None:
    with pytest.raises(UnsatisfiableRange):
        parse_range("bytes=0-", 0)
