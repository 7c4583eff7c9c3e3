"""VITS voices of transformers as Piper's files, imported as Piper's own are."""

from pathlib import Path

import pytest

from backends.speech.engine import Parts, Reading
from backends.speech.in_process import open_in_process
from backends.speech.piper import Piper
from backends.speech.script import Piece
from export.errors import InvalidCheckpoint
from export.piper_files import TOLERANCE
from export.vits import export_voice, main
from ops.voices.piper import make_publication
from ops.voices.publishing import Publication, write_files
from tests.tiny_vits import write_vits
from tritone.card import SPEAKER, component_name
from tritone.placement import NETWORK

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize(
    ("speakers", "is_stochastic"),
    [
        pytest.param(1, True, id="mms", marks=pytest.mark.drill),
        pytest.param(3, False, id="speakers"),
    ],
)
def test_it_sounds_as_the_original_does(tmp_path: Path, speakers: int, is_stochastic: bool) -> None:
    folder = write_vits(tmp_path / "tiny", speakers=speakers, is_stochastic=is_stochastic)
    file = tmp_path / "it.onnx"
    assert export_voice(folder, file, "it-IT") <= TOLERANCE
    publication = make_publication(file, None, "CC-BY-NC-4.0")  # verifies it once more
    assert [voice.language for voice in publication.card.voices] == ["it-IT"] * speakers
    assert publication.network_spec is not None
    outputs = [spec.name for spec in publication.network_spec.outputs]
    assert outputs == ["output", "durations"]
    assert read(publication, tmp_path, "Città, é").ids.tolist() == _read_by_original(
        folder, "Città, é"
    )


def read(publication: Publication, folder: Path, text: str) -> Reading:
    name = publication.card.name
    write_files(publication.all_files(), folder / "models")
    network, speaker = (
        folder / "models" / component_name(name, part) / "1" for part in (NETWORK, SPEAKER)
    )
    engine = Piper(Parts(publication.card, open_in_process(network), speaker))
    voice = publication.card.voices[0]
    reading = engine.read([Piece(0, len(text), text)], voice, normalizes=True)
    assert reading is not None
    return reading


def _read_by_original(folder: Path, text: str) -> list[int]:
    from transformers import AutoTokenizer

    ids: list[int] = AutoTokenizer.from_pretrained(folder)(text).input_ids
    return ids


def test_what_is_no_voice_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidCheckpoint, match="is no voice"):
        export_voice(tmp_path, tmp_path / "x.onnx", "en-US")
    assert main([str(tmp_path), str(tmp_path / "x.onnx")]) == 1
    assert "is no voice" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main([])
