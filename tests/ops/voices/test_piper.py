"""Piper voices: what is imported sounds as the original, and says what it may be used for."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from ops.errors import OpsError
from ops.settings import Settings
from ops.triton.published import list_published_models
from ops.voices.added import AddedVoices
from ops.voices.adding import add_piper, remove
from ops.voices.piper import import_graph, make_publication
from ops.voices.piper_config import NoPiperVoice, PiperConfig, read_config
from ops.voices.verification import NotVerified, open_session
from tests.speech_networks import piper_network, write_piper_voice
from tritone.piper_voice import FILE

FREE = "# Model card\n\n* Language: it_IT\n\n## Dataset\n\n* License: CC0\n"


@pytest.fixture
def config(tmp_path: Path) -> PiperConfig:
    return read_config(write_piper_voice(tmp_path, piper_network(), FREE))


def feed(n: int = 20, **noise: NDArray[np.float32]) -> dict[str, Any]:
    ids = np.random.default_rng(0).integers(3, 30, (1, n))
    scales = np.array([0.667, 1.0, 0.8], np.float32)
    return {"input": ids, "input_lengths": np.array([n]), "scales": scales, **noise}


def noise_of(seed: int, n: int = 20) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    return {
        "noise_0": generator.standard_normal((1, 2, 16 * n), np.float32),
        "noise_1": generator.standard_normal((1, 4, 16 * n), np.float32),
    }


def test_noise_becomes_inputs_and_durations_an_output(config: PiperConfig) -> None:
    """The import itself compares with the original, given the noise that it drew."""
    imported = import_graph(piper_network(), config)
    assert (imported.noise_channels, imported.samples_per_unit) == ((2, 4), 256)
    assert not {node.op_type for node in onnx.load_from_string(imported.network).graph.node} & {
        "RandomNormalLike"
    }
    onnx.checker.check_model(onnx.load_from_string(imported.network))
    session = open_session(imported.network)
    first, again, other = (
        session.run(None, feed(**noise_of(seed))) for seed in (1, 1, 2)
    )  # fmt: skip
    assert np.array_equal(first[0], again[0])
    assert first[0].shape != other[0].shape or not np.array_equal(first[0], other[0])
    for sound, durations in (first, other):
        assert durations.sum() * 256 == sound.size


def test_noise_that_is_too_short_is_heard_again(config: PiperConfig) -> None:
    session = open_session(import_graph(piper_network(), config).network)
    short = {name: each[..., :7] for name, each in noise_of(1).items()}
    repeated = {name: np.tile(each, 100) for name, each in short.items()}
    found, expected = (session.run(None, feed(**each))[0] for each in (short, repeated))
    assert np.array_equal(found, expected)


def test_a_voice_without_noise_and_durations_is_imported_as_it_is(config: PiperConfig) -> None:
    network = piper_network(is_random=False)
    imported = import_graph(network, config)
    assert (imported.noise_channels, imported.samples_per_unit) == ((), 0)
    ours, theirs = (open_session(each).run(None, feed())[0] for each in (imported.network, network))
    assert np.array_equal(ours, theirs)


def test_durations_that_a_graph_tells_itself_are_taken(config: PiperConfig) -> None:
    """Glow-TTS foresees other lengths than it makes: its export says how long each is."""
    model = onnx.load_from_string(piper_network(is_random=False))
    tensor = onnx.helper.make_tensor_value_info("lengths", onnx.TensorProto.FLOAT, None)
    model.graph.output.append(tensor)
    imported = import_graph(model.SerializeToString(), config)
    assert (imported.samples_per_unit, imported.durations_rank) == (256, 3)
    made = open_session(imported.network).run(["output", "durations"], feed())
    assert made[1].ravel().tolist() == [4.0] * 20
    assert made[1].sum() * 256 == made[0].size


def test_a_voice_of_another_library_says_so(tmp_path: Path) -> None:
    for kind in ("", "coqui"):
        file = write_piper_voice(tmp_path, piper_network(), FREE, kind=kind)
        assert make_publication(file, None, "CC0").card.kind == kind


def test_a_graph_of_one_length_is_refused(config: PiperConfig) -> None:
    with pytest.raises(NotVerified, match="the network does not run"):
        import_graph(piper_network(fixed_length=9), config)


def test_a_graph_that_no_seed_reaches_is_refused(config: PiperConfig) -> None:
    model = onnx.load_from_string(piper_network())
    for node in model.graph.node:
        if node.name == "noise":
            node.op_type = "RandomUniformLike"
    with pytest.raises(NoPiperVoice, match="no seed reaches: RandomUniformLike"):
        import_graph(model.SerializeToString(), config)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x0a\xff\xff"])
def test_a_file_that_is_no_graph_is_one_sentence(config: PiperConfig, content: bytes) -> None:
    with pytest.raises(NoPiperVoice, match="not an ONNX file"):
        import_graph(content, config)


def test_a_voice_becomes_a_model_that_speaks(tmp_path: Path) -> None:
    file = write_piper_voice(tmp_path, piper_network(), FREE)
    publication = make_publication(file, None, "CC0")
    added = AddedVoices(tmp_path / "added")
    added.publish(publication)
    (model,) = list_published_models(added.folder)
    assert model.name == "it_IT-tono-medium"
    assert model.callees == ()
    (voice,) = publication.card.voices
    assert (voice.id, voice.name, voice.language) == ("it_IT-tono-medium", "Tono", "it-IT")
    assert added.manifest("it_IT-tono-medium")["license"] == "CC0"


def test_each_speaker_is_a_voice(tmp_path: Path) -> None:
    speakers = {"anna": 0, "p 2": 1}
    file = write_piper_voice(tmp_path, piper_network(has_speakers=True), speaker_id_map=speakers)
    card = make_publication(file, "many", "CC0").card
    assert [(voice.id, voice.name) for voice in card.voices] == [
        ("many_anna", "anna"),
        ("many_p_2", "p 2"),
    ]


def test_speakers_that_look_alike_in_plain_characters_are_numbered(tmp_path: Path) -> None:
    speakers = {"Анна": 0, "Борис": 1}
    file = write_piper_voice(tmp_path, piper_network(has_speakers=True), speaker_id_map=speakers)
    made = make_publication(file, "many", "CC0")
    voices = [(voice.id, voice.name) for voice in made.card.voices]
    assert voices == [("many__", "Анна"), ("many__-2", "Борис")]
    assert json.loads(made.files[FILE])["speakers"] == {"many__": 0, "many__-2": 1}


def test_speakers_that_the_graph_does_not_take_are_refused(tmp_path: Path) -> None:
    file = write_piper_voice(tmp_path, piper_network(), speaker_id_map={"anna": 0})
    with pytest.raises(NoPiperVoice, match="its graph takes none"):
        make_publication(file, "many", "CC0")
    file = write_piper_voice(tmp_path, piper_network(has_speakers=True))
    (voice,) = make_publication(file, "one", "CC0").card.voices
    assert voice.id == "one"


def test_espeaks_voices_are_loaded_with_their_phonemizer(tmp_path: Path) -> None:
    file = write_piper_voice(tmp_path, piper_network(), phoneme_type="espeak")
    added = AddedVoices(tmp_path / "added")
    added.publish(make_publication(file, "heard", "CC0"))
    (model,) = list_published_models(added.folder)
    assert model.callees == ("espeak",)


@pytest.mark.parametrize(
    ("card", "options", "refusal"),
    [
        ("", {}, r"the licence of .* is not known \(no MODEL_CARD beside it\)"),
        ("* License: CC-BY-NC-4.0", {}, "is CC-BY-NC-4.0, or its model card restricts its use"),
        (f"{FREE}\nFinetuned from lessac (medium).", {}, "say --accept-licence"),
        (FREE, {}, ""),
        ("", {"licence": "MIT"}, ""),
        ("* License: CC-BY-NC-4.0", {"accepts": True}, ""),
    ],
)
def test_a_licence_is_known_or_accepted(
    tmp_path: Path, card: str, options: dict[str, Any], refusal: str
) -> None:
    settings = Settings(state_directory=tmp_path / "state", model_repository=tmp_path / "none")
    file = write_piper_voice(tmp_path, piper_network(), card)
    asked = {"licence": None, "accepts": False, **options}
    if refusal:
        with pytest.raises(OpsError, match=refusal):
            add_piper(settings, file, "tono", **asked)
        return
    assert add_piper(settings, file, "tono", **asked).card.voices[0].license
    manifest = AddedVoices.of_state(tmp_path / "state").manifest("tono")
    assert manifest["license"] in ("CC0", "MIT", "CC-BY-NC-4.0")


def test_espeak_stays_while_a_voice_needs_it(tmp_path: Path) -> None:
    settings = Settings(state_directory=tmp_path / "state", model_repository=tmp_path / "none")
    added = AddedVoices.of_state(tmp_path / "state")
    added.publish_files("espeak", {"espeak/config.pbtxt": b'name: "espeak" backend: "espeak"'})
    file = write_piper_voice(tmp_path, piper_network(), FREE, phoneme_type="espeak")
    add_piper(settings, file, "tono", None, accepts=False)
    with pytest.raises(OpsError, match="tono cannot speak without espeak: remove them first"):
        remove(settings, "espeak")
    assert remove(settings, "tono")
    assert remove(settings, "espeak")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../voices", "-x"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    settings = Settings(state_directory=tmp_path / "state", model_repository=tmp_path / "none")
    (tmp_path / "state" / "voices").mkdir(parents=True)
    with pytest.raises(OpsError, match="is no name of a model"):
        remove(settings, name)
    assert (tmp_path / "state" / "voices").is_dir()


def test_without_espeak_its_voices_are_refused_with_the_remedy(tmp_path: Path) -> None:
    settings = Settings(state_directory=tmp_path / "state", model_repository=tmp_path / "none")
    file = write_piper_voice(tmp_path, piper_network(), FREE, phoneme_type="espeak")
    with pytest.raises(OpsError, match="tritone voices add espeak --accept-licence"):
        add_piper(settings, file, None, None, accepts=False)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"phoneme_type": "pinyin"}, "phonemes of the kind pinyin; known: text, espeak"),
        ({"phoneme_id_map": {"a": [1]}}, "has no ids for _ ^ $"),
        ({"audio": {}}, "describes no Piper voice"),
        ({"inference": []}, "describes no Piper voice"),
    ],
)
def test_a_configuration_of_another_kind_is_one_sentence(
    tmp_path: Path, change: dict[str, Any], refusal: str
) -> None:
    file = write_piper_voice(tmp_path, b"", **change)
    with pytest.raises(NoPiperVoice, match=re.escape(refusal)):
        read_config(file)


def test_both_files_are_needed(tmp_path: Path) -> None:
    file = write_piper_voice(tmp_path, b"")
    path = file.with_name(f"{file.name}.json")
    assert json.loads(path.read_text())
    path.unlink()
    with pytest.raises(NoPiperVoice, match="is missing: a Piper voice is two files"):
        read_config(file)
