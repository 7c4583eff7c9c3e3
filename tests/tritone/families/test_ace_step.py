from typing import Any

import pytest

from tests.cards import SONG_CARD
from tests.tritone.test_passages import OneForEachCharacter, spell
from tritone import tensors
from tritone.controls import ControlValue, complete
from tritone.families.ace_step import choose_bucket, describe, sing, tokenize
from tritone.passages import Passage


def values_of(prompt: str = "disco", /, **asked: ControlValue) -> dict[str, Any]:
    return {**complete(asked), tensors.PROMPT: prompt, tensors.SECONDS_END: 225.0}


def whole(passage: Passage) -> str:
    return f"{passage.before}{passage.text}{passage.after}"


def test_tempo_key_signature_and_length_stand_in_the_metadata() -> None:
    said = whole(describe(values_of(bpm=120, keyscale="Ab major", timesignature="4")))
    assert "# Caption\ndisco\n" in said
    assert "- bpm: 120\n- timesignature: 4\n- keyscale: Ab major\n- duration: 225 seconds\n" in said


def test_what_nobody_asked_for_is_not_available() -> None:
    said = whole(describe(values_of()))
    assert "- bpm: N/A\n- timesignature: N/A\n- keyscale: N/A\n" in said


@pytest.mark.parametrize(("seconds", "said"), [(0.64, "0 seconds"), (1.9, "1 seconds")])
def test_a_length_is_said_in_whole_seconds_as_in_diffusers(seconds: float, said: str) -> None:
    asked = values_of() | {tensors.SECONDS_END: seconds}
    assert f"- duration: {said}\n" in whole(describe(asked))


def test_a_signature_is_its_number_of_beats() -> None:
    assert "- timesignature: 6\n" in whole(describe(values_of(timesignature="6/8")))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"lyrics": "la la", "vocal_language": "ja"}, "# Languages\nja\n\n# Lyric\nla la"),
        ({"lyrics": "la la"}, "# Languages\nen\n\n# Lyric\nla la"),
        ({"lyrics": "la", "instrumental": True}, "# Languages\nen\n\n# Lyric\n[Instrumental]"),
    ],
)
def test_lyrics_are_sung_in_their_language_unless_nobody_sings(
    asked: dict[str, ControlValue], said: str
) -> None:
    assert whole(sing(values_of(**asked))) == f"{said}<|endoftext|>"


@pytest.mark.parametrize(
    ("tokens", "bucket"), [(1, 64), (64, 64), (65, 128), (1025, 2048), (2048, 2048)]
)
def test_lyrics_are_padded_to_buckets_that_double(tokens: int, bucket: int) -> None:
    assert choose_bucket(tokens, 2048) == bucket


def test_a_long_prompt_costs_neither_tempo_nor_length() -> None:
    made = tokenize(OneForEachCharacter, SONG_CARD, values_of("disco " * 99, bpm=96))
    said = spell(made.tensors[tensors.INPUT_IDS][0].tolist())
    assert len(said) == SONG_CARD.prompt_tokens
    assert said.endswith("- duration: 225 seconds\n<|endoftext|>\n")
    assert "- bpm: 96\n" in said
    assert made.texts[0].cut


def test_long_lyrics_are_cut_and_what_is_left_is_counted() -> None:
    made = tokenize(OneForEachCharacter, SONG_CARD, values_of(lyrics="la " * 1000))
    assert made.tensors[tensors.LYRIC_IDS].shape == (1, SONG_CARD.lyric_tokens)
    assert len(made.texts[1].kept) + len(made.texts[1].cut) == 3000
