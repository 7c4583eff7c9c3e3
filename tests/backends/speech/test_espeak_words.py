"""Languages that espeak-ng reads for Kokoro, here with a table in its place."""

from dataclasses import replace
from pathlib import Path

import pytest

from backends.speech.engine import Parts, Reading
from backends.speech.engines import open_engine
from backends.speech.english import load_vocabulary
from backends.speech.espeak_words import espeak_language
from backends.speech.in_process import open_in_process
from backends.speech.script import Piece
from backends.speech.word_reader import WordReader
from ops.voices.added import AddedVoices
from ops.voices.kokoro import publish_parts
from tests.speech_networks import kokoro_network, kokoro_style
from tritone.card import SpeechCard

# What espeak-ng 1.52 says, liaison and the nasal vowels included.
SAID = {
    "Les enfants, 3 amis": "le-z ɑ̃fˈɑ̃, tʁwˈaz amˈi",
    "«Oui»": "wˌi",
    "Le gag tchèque": "lə- ɡˈaɡ tʃˈɛk",
    "Dois barcos de madeira": "dˈoɪz bˈaɾəkʊz dʒy mˌadˈeɪɾæ",
    "...": "",
}


def phonemize(text: str, voice: str) -> str:
    assert voice in {"roa/fr", "roa/pt-BR"}
    return SAID[text]


def read(text: str, tag: str, *pieces: Piece) -> Reading | None:
    reader = WordReader(load_vocabulary(), espeak_language(tag, phonemize))
    return reader.read(pieces or [Piece(0, len(text), text)], normalizes=True)


def spoken(reading: Reading | None) -> str:
    assert reading is not None
    letters = {number: letter for letter, number in load_vocabulary().items()}
    return "".join(letters[int(each)] for each in reading.ids[1:-1])


@pytest.mark.parametrize(
    ("text", "tag", "letters"),
    [
        ("Les enfants, 3 amis", "fr-FR", "lez ɑ̃fˈɑ̃, tʁwˈaz amˈi"),
        ("«Oui»", "fr-FR", "wˌi"),
        ("Le gag tchèque", "fr-FR", "lə ɡˈaɡ ʧˈɛk"),
        ("Dois barcos de madeira", "pt-BR", "dˈoɪz bˈaɾəkʊz ʤy mˌadˈAɾæ"),
    ],
)
def test_a_text_is_read_in_the_voices_letters(text: str, tag: str, letters: str) -> None:
    assert spoken(read(text, tag)) == letters


def test_each_word_knows_where_it_comes_from() -> None:
    text = "Les enfants, 3 amis"
    reading = read(text, "fr-FR")
    assert reading is not None
    words = [reading.text[token.begin : token.end] for token in reading.tokens]
    assert words == ["Les", "enfants,", "3", "amis"]
    assert all(token.first_id < token.last_id for token in reading.tokens)


def test_phonemes_stand_apart_from_the_words_around_them() -> None:
    pieces = [Piece(0, 5, "«Oui»"), Piece(6, 9, "nom", "nˈɔm"), Piece(10, 15, "«Oui»")]
    assert spoken(read("", "fr-FR", *pieces)) == "wˌi nˈɔm wˌi"


def test_a_text_without_words_has_nothing_to_speak() -> None:
    assert read("...", "fr-FR") is None


def test_without_a_phonemizer_the_engine_does_not_open(tmp_path: Path) -> None:
    added = AddedVoices(tmp_path)
    publication = publish_parts(kokoro_network(), {"ff_siwis": kokoro_style()}, {}, "a test")
    added.publish(publication)
    network = open_in_process(tmp_path / "kokoro_network" / "1")
    parts = Parts(publication.card, network, tmp_path / "kokoro_speaker" / "1", phonemize)
    assert open_engine(parts).read([Piece(0, 5, "«Oui»")], publication.card.voices[0],
                                   normalizes=True) is not None  # fmt: skip
    with pytest.raises(ValueError, match="fr-FR needs a phonemizer"):
        open_engine(replace(parts, phonemize=None))
    other = publication.card.to_json().replace("fr-FR", "hi-IN")
    with pytest.raises(ValueError, match="nothing here reads hi-IN"):
        open_engine(replace(parts, card=SpeechCard.from_json(other)))
