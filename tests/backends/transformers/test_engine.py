"""A checkpoint of transformers as an engine: published as files, then opened."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.errors import RequestFailed
from backends.speech.engine import NoiseKey, Parts, Sound
from backends.speech.script import Piece
from ops.voices.transformers import make_publication, read_checkpoint
from tritone.checkpoints import FILE

pytest.importorskip("torch")
pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

TEXT = "Rain on a roof."


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    from tests.tiny_transformers import write_checkpoint

    folder = write_checkpoint("csm", tmp_path_factory.mktemp("tiny"))
    publication = make_publication(read_checkpoint(str(folder)), "tiny", "en-GB", "MIT")
    version = tmp_path_factory.mktemp("version")
    (version / FILE).write_bytes(publication.files[FILE])

    def no_network(_: object) -> dict[str, object]:
        raise AssertionError

    return Parts(publication.card, no_network, version)  # type: ignore[arg-type]


def test_it_speaks_by_seed_alone_whoever_else_is_speaking(parts: Parts) -> None:
    from backends.speech.engines import open_engine

    engine, made = open_engine(parts), dict[int, Sound]()
    voice = parts.card.voices[0]
    reading = engine.read([Piece(0, len(TEXT), TEXT)], voice, normalizes=True)
    assert reading is not None
    assert reading.text == TEXT
    assert len(reading.tokens) == 4

    def speak(seed: int) -> None:
        made[seed] = engine.speak(reading, voice, 1.0, NoiseKey(seed, 0))

    speak(1)
    alone = made[1]
    threads = [threading.Thread(target=speak, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    np.testing.assert_allclose(made[1].waveform, alone.waveform, atol=1e-5)
    assert not np.array_equal(made[1].waveform, made[2].waveform)
    assert len(alone.edges_s) == len(reading.ids) + 1
    assert alone.edges_s[-1] == pytest.approx(len(alone.waveform) / parts.card.sample_rate)
    slow = engine.speak(reading, voice, 0.5, NoiseKey(1, 0))
    assert len(slow.waveform) == pytest.approx(2 * len(alone.waveform), rel=0.01)


def test_the_checkpoint_gets_the_voice_asked_for_and_what_it_cannot_make_fails(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backends.speech.engines import open_engine
    from backends.speech.transformers import TransformersSpeech

    engine, voice = open_engine(parts), parts.card.voices[1]
    assert isinstance(engine, TransformersSpeech)
    reading = engine.read([Piece(0, len(TEXT), TEXT)], voice, normalizes=True)
    assert reading is not None
    asked: list[tuple[Sequence[str], str]] = []

    def be_silent(texts: Sequence[str], _: Sequence[int], name: str) -> list[NDArray[np.float32]]:
        asked.append((texts, name))
        return [np.zeros(0, np.float32)]

    monkeypatch.setattr(engine._generator, "generate", be_silent)
    with pytest.raises(RequestFailed, match="made no sound"):
        engine.speak(reading, voice, 1.0, NoiseKey(0, 0))
    assert asked == [([TEXT], "1")]
    monkeypatch.setattr(engine._generator, "generate", lambda *_: 1 / 0)
    with pytest.raises(RequestFailed, match="the checkpoint failed: division by zero"):
        engine.speak(reading, voice, 1.0, NoiseKey(0, 0))


def test_a_text_without_a_word_is_silent(parts: Parts) -> None:
    from backends.speech.engines import open_engine

    engine = open_engine(parts)
    assert engine.read([Piece(0, 3, "...")], parts.card.voices[0], normalizes=True) is None
