import time
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backends.speech.script import FIRST_CHARACTERS, MAX_CHARACTERS, cut_passages
from tritone.speech_options import Pronunciation


def texts(text: str) -> list[str]:
    return [text[each.begin : each.end].strip() for each in cut_passages(text)]


def test_sentences_end_where_people_end_them() -> None:
    text = 'Dr. Smith came on Jan. 5th at 3 p.m. He paid $9.99. "Go!" she said. Really? Yes.'
    assert texts(text) == [
        "Dr. Smith came on Jan. 5th at 3 p.m.",
        "He paid $9.99.",
        '"Go!" she said.',
        "Really?",
        "Yes.",
    ]


def test_the_first_passage_ends_at_a_clause_so_that_sound_comes_early() -> None:
    text = "When the sun went down behind the dark green hills, the lamp was lit, and we sang."
    first, second = texts(text)
    assert first == "When the sun went down behind the dark green hills,"
    assert len(first) >= FIRST_CHARACTERS
    assert second == "the lamp was lit, and we sang."


def test_no_later_sentence_is_cut_at_a_clause() -> None:
    late = "When the sun went down behind the dark green hills, the lamp was lit, and we sang."
    assert texts(f"Hello there. {late}") == ["Hello there.", late]


def test_paragraphs_pause_longer_than_sentences_and_clauses_shortest() -> None:
    text = (
        "When the sun went down behind the dark green hills, we sang a long song. Two.\n\nThree. 4."
    )
    clause, sentence, paragraph, _, _ = [each.pause_s for each in cut_passages(text)]
    assert clause < sentence < paragraph


def test_lines_of_a_list_stand_for_themselves_and_wrapped_text_does_not() -> None:
    assert texts("Shopping list\n- Milk\n- Bread") == ["Shopping list", "- Milk", "- Bread"]
    wrapped = "this line is only wrapped because it\nwould not fit, and goes on here."
    assert texts(wrapped) == [wrapped]


def test_breaks_pause_as_long_as_they_say_and_no_longer_than_ten_seconds() -> None:
    text = 'One <break time="1.2s"/> two <break time=\'250ms\' /> three <break time="99s"/> four'
    found = cut_passages(text)
    assert [each.pause_s for each in found][:3] == [1.2, 0.25, 10.0]
    assert [each.is_break for each in found] == [True, True, True, False]


def test_tags_are_not_read_and_comparisons_are() -> None:
    text = '<speak>If a < b and c > d, <emphasis level="strong">stop</emphasis>.</speak>'
    read = "".join(piece.text for each in cut_passages(text) for piece in each.pieces)
    assert read == "If a < b and c > d, stop."


def test_phonemes_are_pieces_of_their_own() -> None:
    text = 'Say [[həˈloʊ]] and <phoneme alphabet="ipa" ph="wɪn">Nguyen</phoneme> now.'
    (found,) = cut_passages(text)
    assert [piece.ipa for piece in found.pieces] == ["", "həˈloʊ", "", "wɪn", ""]


def test_pronunciations_match_whole_words_the_longest_first() -> None:
    entries = [
        Pronunciation(text="SQL", alias="sequel"),
        Pronunciation(text="SQL server", alias="the server"),
        Pronunciation(text="Us", alias="them", is_case_sensitive=True),
    ]
    (found,) = cut_passages("sql server, SQL, MySQL, us, Us.", entries)
    spoken = "".join(piece.text for piece in found.pieces)
    assert spoken == "the server, sequel, MySQL, us, them."


def test_a_text_without_words_is_no_passage() -> None:
    assert cut_passages(" \n ... *** 😀 ") == []


def test_a_long_word_and_long_numbers_are_cut_into_bounded_parts() -> None:
    assert [len(part) for part in texts("a" * 5000)] == [MAX_CHARACTERS] * 17 + [240]
    assert max(len(part) for part in texts("7" * 5000)) * 5 <= MAX_CHARACTERS


def test_an_hours_text_is_read_within_a_second() -> None:
    text = "The quick brown fox, which is not lazy, jumps over the dog at 7 p.m. " * 900
    begin = time.process_time()
    found = cut_passages(text)
    assert time.process_time() - begin < 1.0
    assert len(found) >= 900


@given(st.text(alphabet='aB1 .,!?\n<>[]"/é世😀', max_size=400))
def test_passages_tile_the_text(text: str) -> None:
    found = cut_passages(text)
    if not found:
        return
    assert found[0].begin == 0
    assert found[-1].end == len(text)
    assert all(a.end == b.begin for a, b in pairwise(found))
    assert all(
        each.begin <= piece.begin <= piece.end <= each.end
        for each in found
        for piece in each.pieces
    )


def test_a_pronunciation_may_stand_within_words() -> None:
    entry = Pronunciation(text="tomato", alias="x")
    (whole,) = cut_passages("Tomatoes and tomato.", (entry,))
    (within,) = cut_passages("Tomatoes and tomato.", (replace(entry, is_whole_word=False),))
    assert [piece.text for piece in whole.pieces] == ["Tomatoes and ", "x", "."]
    assert [piece.text for piece in within.pieces] == ["x", "es and ", "x", "."]


def test_a_thousand_pronunciations_cost_little() -> None:
    entries = [Pronunciation(text=f"word{k}", alias=f"alias {k}") for k in range(1000)]
    text = "The lamp in the window of word7 was the only light on the street. " * 300
    began = time.process_time()
    found = cut_passages(text, entries)
    took_s = time.process_time() - began
    assert sum(piece.text == "alias 7" for each in found for piece in each.pieces) == 300
    assert took_s < 20  # one that looks for each entry at each word takes minutes
