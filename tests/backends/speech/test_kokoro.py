"""Kokoro's engine over a small network with the tensors of the real one."""

from pathlib import Path

import numpy as np
import pytest

from backends.speech.engine import NoiseKey, Parts, Reading, Sound
from backends.speech.engines import UnknownEngine, open_engine
from backends.speech.in_process import open_in_process
from backends.speech.kokoro import UNIT_S, Kokoro
from backends.speech.script import Piece
from ops.voices.added import AddedVoices
from ops.voices.kokoro import publish_parts
from tests.speech_networks import kokoro_network, kokoro_style
from tritone.card import SpeechCard, Voice

STYLES = {"af_heart": kokoro_style(0.3), "am_puck": kokoro_style(0.1), "bf_emma": kokoro_style(0.3)}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    added = AddedVoices(tmp_path_factory.mktemp("added"))
    publication = publish_parts(kokoro_network(), STYLES, {}, "a test")
    added.publish(publication)
    network = open_in_process(added.folder / "kokoro_network" / "1")
    return Parts(publication.card, network, added.folder / "kokoro_speaker" / "1")


@pytest.fixture(scope="module")
def kokoro(parts: Parts) -> Kokoro:
    made = open_engine(parts)
    assert isinstance(made, Kokoro)
    return made


def voice_of(card: SpeechCard, voice_id: str) -> Voice:
    found = card.voice(voice_id)
    assert found is not None
    return found


def read(kokoro: Kokoro, text: str, voice: Voice) -> Reading:
    reading = kokoro.read([Piece(0, len(text), text)], voice, normalizes=True)
    assert reading is not None
    return reading


def speak(kokoro: Kokoro, text: str, voice: Voice, speed: float = 1.0, seed: int = 0) -> Sound:
    return kokoro.speak(read(kokoro, text, voice), voice, speed, NoiseKey(seed, 0))


def test_a_voice_is_its_style(kokoro: Kokoro, parts: Parts) -> None:
    heart, puck = (
        speak(kokoro, "Hello there.", voice_of(parts.card, voice)).waveform
        for voice in ("af_heart", "am_puck")
    )
    assert heart.max() == pytest.approx(3 * puck.max(), rel=1e-3)


def test_british_voices_read_british_english(kokoro: Kokoro, parts: Parts) -> None:
    american, british = (
        [int(each) for each in read(kokoro, "The tomato.", voice_of(parts.card, voice)).ids]
        for voice in ("af_heart", "bf_emma")
    )
    assert american != british


def test_the_edges_are_where_the_phonemes_are(kokoro: Kokoro, parts: Parts) -> None:
    voice = voice_of(parts.card, "af_heart")
    reading = read(kokoro, "Hello there.", voice)
    edges_s = kokoro.speak(reading, voice, 1.0, NoiseKey(0, 0)).edges_s
    assert len(edges_s) == len(reading.ids) + 1
    assert np.allclose(np.diff(edges_s)[1:-1], 4 * UNIT_S)


def test_more_phonemes_than_the_network_takes_are_spoken_in_parts(
    kokoro: Kokoro, parts: Parts
) -> None:
    voice = voice_of(parts.card, "af_heart")
    reading = read(kokoro, "strength " * 100, voice)
    assert len(reading.ids) > 512
    sound = kokoro.speak(reading, voice, 1.0, NoiseKey(0, 0))
    assert len(sound.edges_s) == len(reading.ids) + 1
    assert len(sound.waveform) > (len(reading.ids) - 3) * 4 * UNIT_S * 24_000


@pytest.mark.parametrize("speed", [0.25, 2.0, 4.0])
def test_speed_changes_the_length(kokoro: Kokoro, parts: Parts, speed: float) -> None:
    voice = voice_of(parts.card, "af_heart")
    text = "The river froze for the first time in ten years."
    plain, changed = speak(kokoro, text, voice), speak(kokoro, text, voice, speed)
    assert len(changed.waveform) == pytest.approx(len(plain.waveform) / speed, rel=0.1)


def test_an_engine_that_is_none_is_said(parts: Parts) -> None:
    card = SpeechCard.from_json(parts.card.to_json().replace('"kokoro"', '"nonesuch"', 1))
    with pytest.raises(UnknownEngine, match="unknown engine 'nonesuch'; known: hibari, kokoro"):
        open_engine(Parts(card, parts.network, parts.folder))


def test_a_broken_style_is_said(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "styles").mkdir()
    for voice in parts.card.voices:
        (tmp_path / "styles" / f"{voice.id}.bin").write_bytes(b"1234")
    with pytest.raises(ValueError, match=r"af_heart.bin holds 1 numbers, not 130560"):
        open_engine(Parts(parts.card, parts.network, tmp_path))
