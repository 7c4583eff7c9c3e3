"""VITS voices of coqui, where its package is installed: it is no package of the tests."""

import sys
from pathlib import Path

import pytest

from export.errors import InvalidCheckpoint
from export.piper_files import TOLERANCE
from export.vits import export_voice
from ops.voices.piper import make_publication

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


def test_without_the_package_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "TTS.tts.configs.vits_config", None)
    (tmp_path / "config.json").write_text('{"model": "vits"}')
    with pytest.raises(InvalidCheckpoint, match="needs coqui-tts, which cannot be imported"):
        export_voice(tmp_path, tmp_path / "x.onnx", "en-US")


def test_another_model_of_coqui_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model": "tacotron2"}')
    with pytest.raises(InvalidCheckpoint, match="of the kind tacotron2"):
        export_voice(tmp_path, tmp_path / "x.onnx", "en-US")
