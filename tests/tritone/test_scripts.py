import pytest

from tritone.scripts import find_unread


@pytest.mark.parametrize(
    ("text", "language", "unread"),
    [
        ("Zürich, ﬁne, Ａ 1ª 5 µm ʰ ü", "en-US", ()),
        ("Say こんにちは and カタカナー, 日本!", "en", ("Han", "Hiragana", "Katakana")),
        ("こんにちは, カタカナー and 日本", "ja-JP", ()),
        ("Привет and γειά", "ru", ("Greek",)),
        ("Привет", "xx", ()),  # nothing is known of it
        ("😀 — €5 ٣", "en", ()),
    ],
)
def test_scripts_that_no_text_of_the_language_has_are_named(
    text: str, language: str, unread: tuple[str, ...]
) -> None:
    assert find_unread(text, language) == unread
