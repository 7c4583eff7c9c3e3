import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.storage.names import InvalidKey, check_key, find_end_of_day, get_extension, new_key
from frontend.storage.tokens import InvalidToken, sign, verify

NOW = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
SECRET = b"s" * 32
KEY = "2026/11/21/bLn5ymEuxeWub2PvG2DLQeEYetcR5l2-.mp3"  # fixed: tests are named after it
TOKEN = sign(KEY, NOW + timedelta(hours=1), SECRET)


def test_names_differ_and_carry_at_least_128_random_bits() -> None:
    names = {new_key("wav", NOW) for _ in range(1000)}
    assert len(names) == 1000
    random_part = new_key("mp3", NOW).split("/")[-1].removesuffix(".mp3")
    assert len(random_part) * 6 >= 128


def test_a_name_tells_its_utc_day_and_its_extension() -> None:
    assert find_end_of_day(KEY.rpartition("/")[0]) == datetime(2026, 11, 22, tzinfo=UTC)
    for foreign in ("some/other/folder", "2026/02/30", "2026/11", ""):
        assert find_end_of_day(foreign) is None
    assert get_extension(KEY) == "mp3"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        f"{KEY}/../../../etc/passwd",
        f"./{KEY}",
        f"{KEY}\n",
        f"{KEY}\0.wav",
        KEY.replace("/", "//", 1),
        KEY.replace("/", "\\"),
        KEY.upper(),
        f"２０{KEY[2:]}",
    ],
)
def test_no_other_name_is_ever_looked_for(key: str) -> None:
    with pytest.raises(InvalidKey):
        check_key(key)


def test_a_token_stands_for_its_file_until_it_expires() -> None:
    assert verify(TOKEN, NOW, SECRET) == KEY
    assert TOKEN.endswith(".mp3")
    assert set(TOKEN) <= set(string.ascii_letters + string.digits + "-_.")
    assert verify(TOKEN, NOW + timedelta(minutes=59, seconds=59), SECRET) == KEY
    with pytest.raises(InvalidToken, match="expired"):
        verify(TOKEN, NOW + timedelta(hours=1), SECRET)


def test_a_token_of_another_secret_is_refused() -> None:
    with pytest.raises(InvalidToken, match="signed"):
        verify(TOKEN, NOW, b"t" * 32)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(string.ascii_letters + string.digits))
def test_no_changed_token_opens_anything_else(position: int, letter: str) -> None:
    changed = TOKEN[:position] + letter + TOKEN[position + 1 :]
    try:
        # The last letter carries bits that base64 ignores.
        assert verify(changed, NOW, SECRET) == KEY
    except InvalidToken:
        assert changed != TOKEN


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    with pytest.raises(InvalidToken):
        verify(text, NOW, SECRET)


def test_a_name_that_is_not_ours_cannot_be_signed() -> None:
    with pytest.raises(InvalidKey):
        sign("../secret", NOW, SECRET)
