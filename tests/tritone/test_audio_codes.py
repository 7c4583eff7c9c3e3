"""Audio codes are read as they are, or refused in words."""

import pytest

from tritone.audio_codes import parse_codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("<|audio_code_0|>", [0]),
        ("<|audio_code_63999|><|audio_code_17|>", [63_999, 17]),
        (" <|audio_code_1|>\n <|audio_code_1|> ", [1, 1]),
        ("<|audio_code_007|>", [7]),
    ],
)
def test_codes_are_numbers_in_their_order(text: str, codes: list[int]) -> None:
    assert parse_codes(text, known=64_000, most=3) == codes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no audio code"),
        ("17 18", "character 1 is something else"),
        ("<|audio_code_1|>, <|audio_code_2|>", "character 17 is something else"),
        ("<|audio_code_-1|>", "character 1 is something else"),
        ("<|audio_code_٣|>", "character 1 is something else"),
        ("<|audio_code_1|><|audio_code_2", "character 17 is something else"),
        ("<|audio_code_64000|>", "0 to 63999, not 64000"),
        ("<|audio_code_1|>" * 4, "at most 3 audio codes, not 4"),
    ],
)
def test_what_is_no_code_of_the_model_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_codes(text, known=64_000, most=3)
