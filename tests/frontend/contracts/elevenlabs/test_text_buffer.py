"""Where text that comes in pieces is cut into passages."""

import pytest

from frontend.contracts.elevenlabs.text_buffer import MAX_BUFFERED, TextBuffer
from frontend.errors import RequestTooLarge
from tests.cards import TALKER


def test_passages_end_where_sentences_do() -> None:
    buffer = TextBuffer((50,))
    assert list(buffer.add("Good morning, Dr. Smith. How are ")) == []
    assert list(buffer.add("you doing today, e.g. at home ")) == ["Good morning, Dr. Smith."]
    assert list(buffer.flush()) == [" How are you doing today, e.g. at home "]
    assert list(buffer.flush()) == []


def test_a_passage_without_a_sentence_ends_at_a_clause_or_a_word() -> None:
    buffer = TextBuffer((50,))
    (clause,) = buffer.add("one two three, four five six seven eight nine ten eleven")
    assert clause == "one two three,"
    (words,) = TextBuffer((50,)).add("one two three four five six seven eight nine ten eleven")
    assert words == "one two three four five six seven eight nine ten "


def test_a_trigger_waits_for_fifty_characters_only() -> None:
    buffer = TextBuffer((500,))
    assert list(buffer.add("Good day. ", is_triggered=True)) == []
    assert list(buffer.add("x" * 45 + ". ")) == []
    assert list(buffer.add("And", is_triggered=True)) == ["Good day. " + "x" * 45 + "."]


def test_a_word_without_an_end_is_refused() -> None:
    with pytest.raises(RequestTooLarge):
        list(TextBuffer((50,)).add("a" * (MAX_BUFFERED + 1)))


def test_the_passages_put_together_are_the_text() -> None:
    text = "It is late. The bus, however, has not come! Who knows why? I do not. " * 20
    buffer = TextBuffer((50, 120, 290))
    passages: list[str] = []
    for k in range(0, len(text), 7):
        passages += buffer.add(text[k : k + 7])
    assert "".join([*passages, *buffer.flush()]) == text
    assert TALKER.max_characters > max(map(len, passages))
