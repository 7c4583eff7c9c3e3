import re

from hypothesis import given
from hypothesis import strategies as st

from frontend.keys.secrets import (
    digest_secret,
    find_id,
    fingerprint,
    is_same,
    new_key,
    parse_key,
    pepper_id,
)

PEPPER, OTHER = b"p" * 32, b"q" * 32


def test_a_key_has_its_form_and_no_two_are_equal() -> None:
    texts = {new_key(PEPPER).text for _ in range(1000)}
    assert len(texts) == 1000
    assert all(re.fullmatch(r"tta_[a-z2-7]{12}_[a-z2-7]{52}", text) for text in texts)


def test_the_parts_of_a_key_are_found_again() -> None:
    key = new_key(PEPPER)
    assert parse_key(key.text) == key


def test_an_id_belongs_to_its_secret_and_to_the_pepper() -> None:
    key = new_key(PEPPER)
    assert fingerprint(key.secret, PEPPER) == key.id
    assert fingerprint(key.secret, OTHER) != key.id
    assert fingerprint(new_key(PEPPER).secret, PEPPER) != key.id


def test_a_digest_needs_the_pepper_and_is_not_the_id() -> None:
    key = new_key(PEPPER)
    assert digest_secret(key.secret, PEPPER) != digest_secret(key.secret, OTHER)
    assert len(digest_secret(key.secret, PEPPER)) == 32
    assert pepper_id(PEPPER) != pepper_id(OTHER)


@given(st.text())
def test_no_other_text_is_a_key(text: str) -> None:
    assert parse_key(text) is None
    assert find_id(text) is None


def test_a_key_may_be_named_by_its_id_or_by_any_longer_form() -> None:
    key = new_key(PEPPER)
    for text in (key.id, f"tta_{key.id}", key.text):
        assert find_id(text) == key.id
    assert find_id(key.id[:-1]) is None


def test_comparison_takes_any_text() -> None:
    assert is_same("ключ", "ключ")
    assert not is_same("ключ", "key")
    assert not is_same(b"k", b"kk")
