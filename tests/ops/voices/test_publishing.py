import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from backends.onnxruntime.session import check_tensors, find_model_file, open_session
from ops.errors import CannotStart
from ops.triton.published import PublishedModel, list_published_models
from ops.voices import hibari, publish_default_voice
from ops.voices.configuration import config_texts
from tritone.card import CARD_PARAMETER, SpeechCard, from_json
from tritone.placement import FEATURES_FILE, FRAMES_FILE


def test_the_voice_is_published_once(tmp_path: Path) -> None:
    first = publish_default_voice(tmp_path)
    assert first is not None
    changed_at = (first / "hibari" / "config.pbtxt").stat().st_mtime_ns
    assert publish_default_voice(tmp_path) == first
    assert (first / "hibari" / "config.pbtxt").stat().st_mtime_ns == changed_at
    assert [path for path in tmp_path.iterdir() if path != first] == []


def test_what_an_earlier_release_published_goes(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef").mkdir()
    found = publish_default_voice(tmp_path)
    assert list(tmp_path.iterdir()) == [found]


def test_it_is_a_model_that_speaks(tmp_path: Path) -> None:
    repository = publish_default_voice(tmp_path)
    assert repository is not None
    (model,) = list_published_models(repository)
    # Its network is loaded by the backend.
    assert model == PublishedModel("hibari", ("hibari_speaker",), ())


def test_the_configuration_carries_the_card(tmp_path: Path) -> None:
    from google.protobuf import text_format  # type: ignore[import-untyped]
    from tritonclient.grpc.model_config_pb2 import ModelConfig

    text = config_texts(hibari.CARD, hibari.NETWORK_SPEC)["hibari"]
    config = text_format.Parse(text, ModelConfig())
    card = from_json(config.parameters[CARD_PARAMETER].string_value)
    assert isinstance(card, SpeechCard)
    assert card == hibari.CARD


def test_the_network_gains_its_durations_and_keeps_its_sound(tmp_path: Path) -> None:
    from google.protobuf import json_format, text_format
    from tritonclient.grpc.model_config_pb2 import ModelConfig

    repository = publish_default_voice(tmp_path)
    package = hibari.package_folder()
    assert repository is not None
    assert package is not None
    folder = repository / "hibari_network" / "1"
    text = (folder.parent / "config.pbtxt").read_text()
    config = json_format.MessageToDict(
        text_format.Parse(text, ModelConfig()), preserving_proto_field_name=True
    )
    ours = open_session(find_model_file(folder, config), threads=1)
    check_tensors(ours, {"max_batch_size": 0, **config})
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    theirs = ort.InferenceSession(package / "assets" / "hibari.onnx", options)
    feed = {"ids": np.array([[0, 50, 83, 54, 31, 4, 0]]), "speed": np.array([1.0], np.float32)}
    *frames, durations = ours.run(None, feed)
    for found, known in zip(frames, theirs.run(None, feed), strict=True):
        assert np.array_equal(found, known)
    assert durations.sum() * 2 == frames[0].shape[-1]  # a unit is two frames


def test_the_manifest_says_where_it_comes_from(tmp_path: Path) -> None:
    repository = publish_default_voice(tmp_path)
    assert repository is not None
    manifest = json.loads((repository / "hibari" / "1" / "manifest.json").read_text())
    assert manifest["source"] == "hibari-tts 0.2.1"
    files = ("model.onnx", FEATURES_FILE, FRAMES_FILE)
    assert manifest["artifacts"].keys() == {f"hibari_network/1/{file}" for file in files}


def test_without_the_package_there_is_no_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert publish_default_voice(tmp_path) is None


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="the default voice cannot be published"):
        publish_default_voice(tmp_path / "file")
