"""Piper's engine over a small network with the tensors of the real ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from backends.speech.engine import NoiseKey, Parts, Phonemize, Reading
from backends.speech.engines import open_engine
from backends.speech.in_process import open_in_process
from backends.speech.piper import Piper
from backends.speech.script import Piece
from ops.voices.added import AddedVoices
from ops.voices.piper import make_publication
from tests.speech_networks import piper_network, write_piper_voice
from tritone.card import Voice


def open_voice(
    folder: Path,
    network: bytes,
    phonemize: Phonemize | None = None,
    **config: object,
) -> tuple[Piper, Sequence[Voice]]:
    file = write_piper_voice(folder, network, **config)  # type: ignore[arg-type]
    publication = make_publication(file, "tono", "CC0")
    added = AddedVoices(folder / "added")
    added.publish(publication)
    network_ = open_in_process(added.folder / "tono_network" / "1")
    made = open_engine(
        Parts(publication.card, network_, added.folder / "tono_speaker" / "1", phonemize)
    )
    assert isinstance(made, Piper)
    return made, publication.card.voices


def read(piper: Piper, text: str, voice: Voice, ipa: str = "") -> Reading | None:
    return piper.read([Piece(0, len(text), text, ipa)], voice, normalizes=True)


def ids_of(reading: Reading | None) -> list[int]:
    assert reading is not None
    return [int(each) for each in reading.ids]


@pytest.fixture
def random_voice(tmp_path: Path) -> tuple[Piper, Voice]:
    piper, voices = open_voice(tmp_path, piper_network())
    return piper, voices[0]


def test_ids_have_a_begin_an_end_and_pads_between(random_voice: tuple[Piper, Voice]) -> None:
    letters = {letter: i for i, letter in enumerate(" !',-.?abcdefghijklmnopqrstuvwxyz", start=3)}
    expected = [1, 0]
    for letter in "no, si":
        expected += [letters[letter], 0]
    assert ids_of(read(random_voice[0], "No, si", random_voice[1])) == [*expected, 2]


@pytest.mark.parametrize("text", ["", "  ", "世界"])
def test_a_text_without_a_known_letter_has_nothing_to_speak(
    random_voice: tuple[Piper, Voice], text: str
) -> None:
    assert read(random_voice[0], text, random_voice[1]) is None


def test_the_same_seed_repeats_the_bits_and_durations_end_with_the_sound(
    random_voice: tuple[Piper, Voice],
) -> None:
    piper, voice = random_voice
    reading = read(piper, "ciao amici", voice)
    assert reading is not None
    first, again, other, later = (
        piper.speak(reading, voice, 1.0, noise)
        for noise in (NoiseKey(1, 0), NoiseKey(1, 0), NoiseKey(2, 0), NoiseKey(1, 1))
    )
    assert np.array_equal(first.waveform, again.waveform)
    assert not np.array_equal(first.waveform[:5000], other.waveform[:5000])
    assert not np.array_equal(first.waveform[:5000], later.waveform[:5000])
    assert len(first.edges_s) == len(reading.ids) + 1
    assert first.edges_s[-1] == pytest.approx(len(first.waveform) / 22_050)


def test_without_durations_each_id_has_an_equal_share(tmp_path: Path) -> None:
    piper, (voice,) = open_voice(tmp_path, piper_network(is_random=False))
    reading = read(piper, "ciao", voice)
    assert reading is not None
    edges_s = piper.speak(reading, voice, 1.0, NoiseKey(0, 0)).edges_s
    assert np.allclose(np.diff(edges_s)[2:-2], 1024 / 22_050)


@pytest.mark.parametrize("speed", [0.5, 2.0, 4.0])
def test_speed_changes_the_length(tmp_path: Path, speed: float) -> None:
    piper, (voice,) = open_voice(tmp_path, piper_network(is_random=False))
    reading = read(piper, "ciao amici", voice)
    assert reading is not None
    plain, changed = (piper.speak(reading, voice, each, NoiseKey(0, 0)) for each in (1.0, speed))
    assert len(changed.waveform) == pytest.approx(len(plain.waveform) / speed, rel=0.1)


def test_letters_of_the_voices_own_script_are_read(tmp_path: Path) -> None:
    ids = {"_": [0], "^": [1], "$": [2], "д": [3], "а": [4]}
    piper, (voice,) = open_voice(
        tmp_path, piper_network(), phoneme_id_map=ids, language={"code": "ru_RU"}
    )
    assert ids_of(read(piper, "Да 世", voice)) == [1, 0, 3, 0, 4, 0, 2]


def test_a_phonemizer_is_asked_with_the_voices_name_and_its_words_are_aligned(
    tmp_path: Path,
) -> None:
    asked = []

    def phonemize(text: str, language: str) -> str:
        asked.append((text, language))
        return "dɪ ɛndəv"  # two written words as one

    piper, (voice,) = open_voice(tmp_path, piper_network(), phonemize, phoneme_type="espeak")
    reading = read(piper, "The end of", voice)
    assert reading is not None
    assert asked == [("The end of", "it")]
    spans = [reading.text[token.begin : token.end] for token in reading.tokens]
    assert spans == ["The", "end of"]
    assert [token.last_id > token.first_id for token in reading.tokens] == [True, True]


def test_phonemes_are_spoken_as_given(random_voice: tuple[Piper, Voice]) -> None:
    piper, voice = random_voice
    assert ids_of(read(piper, "x", voice, ipa="te")) == ids_of(read(piper, "te", voice))


def test_a_voice_of_several_speakers_takes_the_one_that_is_named(tmp_path: Path) -> None:
    network = piper_network(is_random=False, has_speakers=True)
    piper, (anna, bob) = open_voice(tmp_path, network, speaker_id_map={"anna": 0, "bob": 1})
    reading = read(piper, "ciao", anna)
    assert reading is not None
    soft, loud = (
        piper.speak(reading, voice, 1.0, NoiseKey(0, 0)).waveform for voice in (anna, bob)
    )
    assert np.allclose(2 * soft, loud, atol=1e-6)


def test_a_voice_without_its_phonemizer_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a phonemizer"):
        open_voice(tmp_path, piper_network(), None, phoneme_type="espeak")
