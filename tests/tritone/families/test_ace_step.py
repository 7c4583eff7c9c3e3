from typing import Any

import pytest

from tests.cards import CODE_CARD, GUIDED_SONG_CARD, SONG_CARD
from tests.tritone.test_passages import OneForEachCharacter, spell
from tritone import tensors
from tritone.controls import ControlValue, complete
from tritone.families.ace_step import (
    choose_bucket,
    choose_seconds,
    describe,
    list_controls,
    sing,
    tokenize,
)
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


CODES = "<|audio_code_5|><|audio_code_63999|>"


def test_codes_come_as_ids_beside_text_and_lyrics() -> None:
    made = tokenize(OneForEachCharacter, CODE_CARD, values_of(audio_codes=CODES)).tensors
    assert made.keys() == {spec.name for spec in CODE_CARD.spec.list_tokens(CODE_CARD)}
    assert made[tensors.CODE_IDS][0, :3].tolist() == [5, 63_999, 0]
    assert made[tensors.CODE_MASK][0].tolist() == [1, 1] + [0] * 62


def test_a_song_that_follows_nothing_has_no_code() -> None:
    made = tokenize(OneForEachCharacter, CODE_CARD, values_of(audio_codes=" ")).tensors
    assert made[tensors.CODE_MASK].shape == (1, 64)
    assert not made[tensors.CODE_MASK].any()


def test_codes_that_are_none_are_refused_by_the_tokenizer_too() -> None:
    with pytest.raises(ValueError, match="0 to 63999"):
        tokenize(OneForEachCharacter, CODE_CARD, values_of(audio_codes="<|audio_code_64000|>"))


def test_whoever_follows_codes_is_told_so() -> None:
    assert "# Instruction\nGenerate audio" in whole(describe(values_of(audio_codes=CODES)))
    assert "# Instruction\nFill the audio" in whole(describe(values_of(audio_codes=" ")))


def test_a_model_without_a_decoder_of_codes_takes_none() -> None:
    assert "audio_codes" not in {each.name for each in list_controls(SONG_CARD)}
    names = {spec.name for spec in tensors.ensemble(SONG_CARD).inputs}
    more = {"audio_codes", "strength"}
    assert names | more == {spec.name for spec in tensors.ensemble(CODE_CARD).inputs}
    conditioning = {spec.name for spec in tensors.list_conditioning(CODE_CARD)}
    assert conditioning - {spec.name for spec in tensors.list_conditioning(SONG_CARD)} == {"source"}
    assert [spec.name for spec in tensors.list_blended(CODE_CARD)] == ["blended_mask"]
    assert not tensors.list_blended(SONG_CARD)


def test_a_song_that_follows_codes_has_the_text_of_one_that_does_not_beside_its_own() -> None:
    made = tokenize(OneForEachCharacter, CODE_CARD, values_of(audio_codes=CODES)).tensors
    text, other = (spell(made[name][0].tolist()) for name in (tensors.INPUT_IDS, tensors.OTHER_IDS))
    assert "Generate audio" in text
    assert "Fill the audio" in other


def test_nothing_is_blended_unless_somebody_asks_for_it() -> None:
    assert complete({})["strength"] == 1.0


def test_a_song_is_as_long_as_its_codes_unless_somebody_says_how_long() -> None:
    assert choose_seconds(CODE_CARD, {"audio_codes": CODES * 5}) == 2.0
    assert choose_seconds(CODE_CARD, {}) == CODE_CARD.default_seconds
    assert CODE_CARD.max_codes == 3000


def test_guidance_has_a_momentum_that_goes_from_step_to_step() -> None:
    io = tensors.transformer(GUIDED_SONG_CARD)
    assert [spec.name for spec in io.inputs[:4]] == [
        "latents",
        "sigma",
        "guidance_scale",
        "momentum",
    ]
    assert [spec.name for spec in io.outputs] == ["denoised", "momentum_out"]
    assert not tensors.list_carried(SONG_CARD)
    assert "momentum" not in {spec.name for spec in tensors.denoiser(GUIDED_SONG_CARD).inputs}
