"""Stress, numbers and timings of Italian and Spanish; what words sound like is the package's."""

import re

import pytest

from backends.speech.english import load_vocabulary
from backends.speech.romance import Italian, Spanish, romance_language
from backends.speech.script import Piece
from backends.speech.word_reader import WordReader


class Letters:
    """A dictionary in which every word sounds as it is written."""

    def expand(self, text: str) -> str:
        return text.replace("3", "tre")

    def phonemize(self, word: str) -> str:
        return word.translate(str.maketrans("àèéìíòóùúá", "aeeiioouua"))


@pytest.mark.parametrize(
    ("word", "spoken"),
    [
        ("casa", "kˈasa"),
        ("città", "cittˈa"),
        ("il", "il"),
        ("c'è", "ʧˈe"),
        ("c'era", "ʧˈera"),
        ("l'inverno", "linvˈerno"),
        ("tre", "trˈe"),
    ],
)
def test_italian_words_have_their_stress(word: str, spoken: str) -> None:
    phonemes = Italian(Letters()).phonemes(word)
    assert phonemes.replace("c", "k") == spoken.replace("c", "k")


@pytest.mark.parametrize(
    ("word", "spoken"),
    [
        ("madrid", "madrˈid"),
        ("amigos", "amˈiɡos"),
        ("también", "tambiˈen"),
        ("público", "pˈubliko"),
        ("jardín", "jardˈin"),
        ("la", "la"),
        ("él", "ˈel"),
    ],
)
def test_spanish_words_have_their_stress(word: str, spoken: str) -> None:
    assert Spanish(Letters()).phonemes(word).replace("c", "k") == spoken


def test_a_passage_is_read_word_by_word_and_knows_where_each_comes_from() -> None:
    ids = load_vocabulary()
    reader = WordReader(ids, romance_language("it-IT", Italian(Letters())))
    text = "Ciao, sono 3 <amici>."
    reading = reader.read([Piece(0, len(text), text)], normalizes=True)
    assert reading is not None
    letters = {number: letter for letter, number in ids.items()}
    spoken = "".join(letters[int(each)] for each in reading.ids[1:-1])
    assert spoken == "ciˈao, sˈono trˈe amˈici."
    words = [reading.text[token.begin : token.end] for token in reading.tokens]
    assert [word for word in words if word.isalpha()] == ["Ciao", "sono", "tre", "amici"]
    begin = reading.text.index("amici")
    assert text[reading.origins[begin] :].startswith("amici")
    for token in reading.tokens:
        assert token.first_id < token.last_id or not re.match(r"\w", reading.text[token.begin])


def test_phonemes_are_spoken_as_given() -> None:
    ids = load_vocabulary()
    piece = Piece(0, 10, "word", "tˈɛst")
    reading = WordReader(ids, romance_language("es-ES", Spanish(Letters()))).read(
        [piece], normalizes=True
    )
    assert reading is not None
    assert [int(each) for each in reading.ids[1:-1]] == [ids[each] for each in "tˈɛst"]


@pytest.mark.parametrize("text", ["", "...", "😀"])
def test_a_text_without_words_has_nothing_to_speak(text: str) -> None:
    reader = WordReader(load_vocabulary(), romance_language("it-IT", Italian(Letters())))
    assert reader.read([Piece(0, len(text), text)], normalizes=True) is None
