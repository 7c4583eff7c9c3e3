"""Voices of coqui, where its package is installed: it is no package of the tests.

`make verify-coqui` runs all of this, in an environment that has it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from export.errors import InvalidCheckpoint
from export.piper_files import TOLERANCE
from export.vits import export_voice
from ops.voices.piper import make_publication
from ops.voices.publishing import Publication
from ops.voices.verification import Tensors, open_session, run
from tritone import piper_voice as pv
from tritone.piper_voice import PiperVoice
from tritone.speech_tensors import DURATIONS

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("speakers", [0, 3])
def test_it_sounds_as_the_original_does(tmp_path: Path, speakers: int) -> None:
    pytest.importorskip("TTS", exc_type=ImportError)
    from tests.tiny_coqui import ids_of, write_coqui

    folder = write_coqui(tmp_path / "tiny", speakers=speakers)
    file = tmp_path / "it.onnx"
    assert export_voice(folder, file, "it-IT") <= TOLERANCE
    publication = make_publication(file, None, "MIT")  # verifies it once more
    assert len(publication.card.voices) == max(1, speakers)
    from tests.export.test_vits import read

    text = "ciao, amici"
    assert read(publication, tmp_path, text).ids.tolist() == ids_of(folder, text)


@pytest.mark.parametrize(
    ("kind", "speakers", "has_statistics"),
    [("hifigan", 0, False), ("multiband_melgan", 3, True)],
)
def test_glow_sounds_with_its_vocoder_as_the_originals_do(
    tmp_path: Path, kind: str, speakers: int, has_statistics: bool
) -> None:
    pytest.importorskip("TTS", exc_type=ImportError)
    from tests.export.test_vits import read
    from tests.tiny_coqui import BANDS, ids_of, speak_as_original, write_glow, write_vocoder

    voice = write_glow(tmp_path / "voice", speakers=speakers, has_statistics=has_statistics)
    vocoder = write_vocoder(tmp_path / "vocoder", kind, has_statistics=has_statistics)
    ids = ids_of(voice, "ciao, amici")
    speaker = speakers - 1 if speakers else None
    noise = np.random.default_rng(3).standard_normal((1, BANDS, 16 * len(ids)), np.float32)
    original = speak_as_original(voice, vocoder, ids, speaker, noise)
    assert 0.01 < np.abs(original).max() < 1.0

    # The paths in the configurations are those of another machine then.
    voice, vocoder = (each.rename(each.with_name(f"my-{each.name}")) for each in (voice, vocoder))
    file = tmp_path / "it.onnx"
    assert export_voice(voice, file, "it-IT", vocoder) <= TOLERANCE
    publication = make_publication(file, None, "MIT")  # verifies it once more
    assert (publication.card.kind, len(publication.card.voices)) == ("coqui", max(1, speakers))
    assert read(publication, tmp_path, "ciao, amici").ids.tolist() == ids
    inputs: Tensors = {
        pv.INPUT: np.array([ids], np.int64),
        pv.INPUT_LENGTHS: np.array([len(ids)], np.int64),
        pv.SCALES: np.array([0.5, 1.0, 0.0], np.float32),
        pv.noise_name(0): noise,
    }
    if speaker is not None:
        inputs[pv.SPEAKER] = np.array([speaker], np.int64)
    made = run(open_session(publication.network or b""), inputs)
    assert np.abs(made[pv.OUTPUT].ravel() - original).max() <= TOLERANCE
    assert made[DURATIONS].sum() * _samples_per_unit(publication) == len(original)


def _samples_per_unit(publication: Publication) -> int:
    return PiperVoice.from_json(publication.files[pv.FILE].decode()).samples_per_unit


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (None, "name the folder of one with --vocoder"),
        (
            {"model": "wavernn", "audio": {"sample_rate": 16_000}},
            "of the kind wavernn; exported: h",
        ),
        ({"model": "hifigan", "audio": {"sample_rate": 22_050}}, "speaks at 22050 Hz"),
    ],
)
def test_a_vocoder_that_does_not_fit_is_refused(
    tmp_path: Path, fields: dict[str, object] | None, said: str
) -> None:
    pytest.importorskip("TTS", exc_type=ImportError)
    from tests.tiny_coqui import write_glow

    voice = write_glow(tmp_path / "voice", speakers=0, has_statistics=False)
    vocoder = None if fields is None else tmp_path
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(InvalidCheckpoint, match=said):
        export_voice(voice, tmp_path / "x.onnx", "it-IT", vocoder)


def test_without_the_package_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "TTS.config", None)
    (tmp_path / "config.json").write_text('{"model": "vits"}')
    with pytest.raises(InvalidCheckpoint, match="needs coqui-tts, which cannot be imported"):
        export_voice(tmp_path, tmp_path / "x.onnx", "en-US")


def test_another_model_of_coqui_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model": "tacotron2"}')
    with pytest.raises(InvalidCheckpoint, match="of the kind tacotron2; exported: vits, glow_tts"):
        export_voice(tmp_path, tmp_path / "x.onnx", "en-US")
