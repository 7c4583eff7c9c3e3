"""Engines in environments of their own, over a generator of a few lines."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.errors import RequestFailed
from backends.isolated import describe
from backends.isolated.generator import Speaking, open_generator
from backends.speech.engine import NoiseKey, Parts, Sound
from backends.speech.engines import BrokenEnvironment, open_engine
from backends.speech.isolated import IsolatedSpeech
from backends.speech.script import Piece
from tests.tiny_engine import ENGINE
from tritone.card import SpeechCard, Voice
from tritone.engines import ENGINES
from tritone.isolated import DESCRIBED, FAULT_VARIABLE, FILE, IsolatedCheckpoint

RATE = 16_000
TEXT = "Rain on a roof."


class Noisy:
    """Says a second of noise for any text; `heard` is who was asked to speak."""

    sample_rate = RATE

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise KeyError("no such speaker file")
        self.heard: list[Speaking] = []

    def speakers(self) -> list[str]:
        return ["Ana"]

    def speak(self, text: str, speaking: Speaking, seed: int) -> NDArray[np.float32]:
        self.heard.append(speaking)
        n_samples = 0 if text == "Silence." else RATE
        return np.random.default_rng(seed).normal(0.0, 0.1, n_samples).astype(np.float32)


@pytest.fixture(autouse=True)
def noisy(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("backends.isolated.tiny")
    module.Tiny = Noisy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(ENGINES, "tiny", ENGINE)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    voices = [
        Voice(id=each, name=each, language="it-IT", gender="neutral", license="MIT", description="")
        for each in ("ana", "me")
    ]
    card = SpeechCard(
        name="tono",
        engine="tiny",
        voices=tuple(voices),
        default_voice="ana",
        sample_rate=RATE,
        audio_channels=1,
        min_speed=0.25,
        max_speed=4.0,
        max_characters=1000,
    )
    checkpoint = IsolatedCheckpoint(
        source=str(tmp_path), voices={"ana": "Ana"}, samples={"me": "sample.wav"}
    )
    (tmp_path / FILE).write_text(json.dumps(asdict(checkpoint)))

    def no_network(_: object) -> dict[str, NDArray[np.float32]]:
        raise AssertionError

    return Parts(card, no_network, tmp_path)


def speak(parts: Parts, text: str = TEXT, seed: int = 1, speed: float = 1.0) -> Sound:
    engine = open_engine(parts)
    reading = engine.read([Piece(0, len(text), text)], parts.card.voices[0], normalizes=True)
    assert reading is not None
    return engine.speak(reading, parts.card.voices[0], speed, NoiseKey(seed, 0))


def test_it_speaks_by_its_seed_and_at_the_pace_asked_for(parts: Parts) -> None:
    first, again, other = (speak(parts, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.waveform, again.waveform)
    assert not np.array_equal(first.waveform, other.waveform)
    assert len(speak(parts, speed=0.5).waveform) == pytest.approx(2 * RATE, rel=0.02)
    assert first.edges_s[-1] == pytest.approx(len(first.waveform) / RATE)


def test_the_checkpoint_is_told_who_speaks_in_its_own_words(parts: Parts) -> None:
    engine = open_engine(parts)
    assert isinstance(engine, IsolatedSpeech)
    reading = engine.read([Piece(0, len(TEXT), TEXT)], parts.card.voices[0], normalizes=True)
    assert reading is not None
    for voice in parts.card.voices:
        engine.speak(reading, voice, 1.0, NoiseKey(1, 0))
    assert engine._generator.heard == [  # type: ignore[attr-defined]
        Speaking(name="Ana", language="it-IT"),
        Speaking(name="", language="it-IT", sample=parts.folder / "sample.wav"),
    ]


def test_what_it_cannot_say_is_the_requests_own_error(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestFailed, match="made no sound"):
        speak(parts, "Silence.")
    monkeypatch.setattr(Noisy, "speak", lambda *_: 1 / 0)
    with pytest.raises(RequestFailed, match="the checkpoint failed: division by zero"):
        speak(parts)


def test_a_checkpoint_that_is_gone_or_changed_its_rate_does_not_open(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noisy, "sample_rate", 8000)
    with pytest.raises(ValueError, match="speaks at 8000 Hz now, not at 16000: add it again"):
        open_engine(parts)
    gone = IsolatedCheckpoint(source=str(parts.folder / FILE), voices={})
    monkeypatch.setattr("backends.isolated.generator._find_folder", Path)
    (parts.folder / FILE).write_text(json.dumps(asdict(gone)))
    with pytest.raises(ValueError, match=r"cannot be opened: KeyError\('no such speaker file'\)"):
        open_engine(parts)


def test_a_broken_environment_is_named_with_what_mends_it(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FAULT_VARIABLE, "numpy is gone")
    with pytest.raises(BrokenEnvironment) as raised:
        open_engine(parts)
    assert str(raised.value) == (
        "its environment is broken (numpy is gone); build it anew: tritone voices engine add tiny"
    )


def test_an_engine_that_shares_our_environment_has_no_generator(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hibari has no environment of its own"):
        open_generator("hibari", str(tmp_path))


def test_a_checkpoint_is_described_or_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert describe.main(["tiny", str(tmp_path), "it-IT"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith(DESCRIBED)]
    described = {"sample_rate": RATE, "speakers": ["Ana"]}
    assert json.loads(line.removeprefix(DESCRIBED)) == described
    monkeypatch.setattr("backends.isolated.generator._find_folder", Path)
    assert describe.main(["tiny", str(tmp_path / "none"), "it-IT"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "'no such speaker file'"


def test_a_checkpoint_speaks_as_it_is_wanted_before_it_is_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Speaking] = []

    def speak(_: object, text: str, speaking: Speaking, seed: int) -> NDArray[np.float32]:
        heard.append(speaking)
        return np.ones(int(speaking.language == "it-IT"), np.float32)

    monkeypatch.setattr(Noisy, "speak", speak)
    sample = tmp_path / "me.wav"
    assert describe.main(["tiny", str(tmp_path), "it-IT"]) == 0
    assert describe.main(["tiny", str(tmp_path), "it-IT", str(sample)]) == 0
    assert heard == [
        Speaking(name="Ana", language="it-IT"),
        Speaking(name="", language="it-IT", sample=sample),
    ]
    assert describe.main(["tiny", str(tmp_path), "en-US"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "it made no sound"
    monkeypatch.setattr(Noisy, "speakers", lambda _: [])  # it waits for a recording
    assert describe.main(["tiny", str(tmp_path), "en-US"]) == 0
