"""A whole export: what lies in the repository at the end, and what a second one does."""

import json

import onnxruntime
import pytest

from export.exporter import STAGES
from export.fingerprints import take_fingerprint
from export.hashing import file_hash
from export.trials import Files
from tests.export.exports import MODELS, Exported
from tritone import tensors
from tritone.card import COMPONENTS, read_card
from tritone.fingerprints import Fingerprint, distance
from tritone.noise import COUNTER
from tritone.words import WORDS_FILE

pytestmark = pytest.mark.export

EXPECTED_FILES = {
    "": {"manifest.json"},
    "_tokenizer": {"tokenizer.json"},
    "_text_encoder": {"model.onnx"},
    "_denoiser": {".keep"},
    "_transformer": {"model.onnx"},
    "_vae_decoder": {"model.onnx"},
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Exported:
    exported: Exported = request.getfixturevalue(request.param)
    return exported


def test_the_repository_holds_six_models_and_nothing_else(model: Exported) -> None:
    assert {path.name for path in model.repository.iterdir()} == {
        f"{model.card.name}{suffix}" for suffix in EXPECTED_FILES
    }
    for suffix, files in EXPECTED_FILES.items():
        folder = model.repository / f"{model.card.name}{suffix}"
        assert {path.name for path in folder.iterdir()} == {"config.pbtxt", "1"}
        found = {path.name for path in (folder / "1").iterdir()}
        assert found - {WORDS_FILE} == files


def test_the_words_that_a_model_was_trained_with_are_published_where_they_are_known(
    tiny: Exported,
) -> None:
    assert tiny.artifact("tokenizer", WORDS_FILE).read_text() == "a\nhammer\n"


@pytest.mark.drill
def test_where_words_are_not_known_none_are_published(tiny_3: Exported) -> None:
    assert not tiny_3.artifact("tokenizer", WORDS_FILE).exists()


def test_the_published_card_is_the_one_returned(model: Exported) -> None:
    text = (model.repository / model.card.name / "config.pbtxt").read_text()

    assert read_card(text) == model.card
    assert model.card.noise == COUNTER


def test_the_manifest_says_what_was_made_of_what(model: Exported) -> None:
    manifest = json.loads((model.repository / model.card.name / "1" / "manifest.json").read_text())

    assert manifest["source"] == model.folder.name
    assert manifest["source_files"]["model_index.json"] == file_hash(
        model.folder / "model_index.json"
    )
    assert {name.split("/")[0] for name in manifest["artifacts"]} == {
        f"{model.card.name}_{component}" for component in COMPONENTS
    }
    for name, digest in manifest["artifacts"].items():
        assert digest == file_hash(model.repository / name)
    assert manifest["sizes"] == {
        name: (model.repository / name).stat().st_size for name in manifest["artifacts"]
    }
    assert manifest["precision"] == "fp32"
    assert manifest["measured"]["end_to_end"]["two_prompt_difference"] > 0
    assert set(manifest["measured"]["components"]) == {"text_encoder", "transformer", "vae_decoder"}
    assert str(model.folder.parent) not in json.dumps(manifest)


def test_the_fingerprint_is_of_these_files_and_of_no_others(model: Exported) -> None:
    manifest = json.loads((model.repository / model.card.name / "1" / "manifest.json").read_text())
    fingerprint = Fingerprint.from_dict(manifest["fingerprint"])

    again = take_fingerprint(Files(model.artifacts()), model.card, "fp32")
    assert fingerprint == again
    rain, bell = fingerprint.samples
    assert distance(rain, bell) > 5 * fingerprint.tolerance  # random weights heed texts little


@pytest.mark.parametrize("component", ["text_encoder", "transformer", "vae_decoder"])
def test_a_network_has_the_tensors_of_its_config(model: Exported, component: str) -> None:
    session = onnxruntime.InferenceSession(model.artifact(component))
    model_io = getattr(tensors, component)(model.card)
    types = {"FP32": "tensor(float)", "INT64": "tensor(int64)", "INT16": "tensor(int16)"}

    for specs, values in (
        (model_io.inputs, session.get_inputs()),
        (model_io.outputs, session.get_outputs()),
    ):
        assert [(v.name, v.type) for v in values] == [(s.name, types[s.dtype]) for s in specs]
        for spec, value in zip(specs, values, strict=True):
            assert isinstance(value.shape[0], str)
            dims = tuple(-1 if isinstance(dim, str) else dim for dim in value.shape[1:])
            assert dims == spec.dims


def test_every_stage_is_announced(model: Exported) -> None:
    assert len(model.stages) == STAGES
    assert model.stages[-1] == "publishing"
