"""What is refused before torch is even imported."""

import json
from pathlib import Path

import pytest

from export.checkpoint import COMPONENTS, open_checkpoint
from export.errors import InvalidCheckpoint
from export.hashing import file_hash
from tritone.families import FAMILIES


def write_checkpoint(folder: Path, pipeline_class: str = "StableAudioPipeline") -> Path:
    family = next(f.name for f in FAMILIES.values() if f.pipeline_class == "StableAudioPipeline")
    index: dict[str, object] = {"_class_name": pipeline_class}
    for component in COMPONENTS[family]:
        (folder / component).mkdir(parents=True)
        (folder / component / "config.json").write_text("{}")
        index[component] = ["diffusers", "Something"]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def test_a_complete_folder_is_opened(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "sound")

    checkpoint = open_checkpoint(str(folder))

    assert (checkpoint.source, checkpoint.folder) == ("sound", folder)
    assert checkpoint.family.name == "stable_audio"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match=r"there is no folder .*absent"):
        open_checkpoint(str(tmp_path / "absent"))


def test_a_file_is_not_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.touch()

    with pytest.raises(InvalidCheckpoint, match="there is no folder"):
        open_checkpoint(str(path))


def test_a_folder_without_an_index_is_no_pipeline(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match=r"no diffusers pipeline: it has no model_index"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_broken_index_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "model_index.json").write_text(text)

    with pytest.raises(InvalidCheckpoint, match=r"model_index.json"):
        open_checkpoint(str(tmp_path))


def test_an_unsupported_class_is_told_which_are(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "AudioLDM2Pipeline")

    with pytest.raises(
        InvalidCheckpoint,
        match="is a AudioLDM2Pipeline; supported are StableAudioPipeline and StableAudio3Pipeline",
    ):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("component", COMPONENTS["stable_audio"])
def test_a_missing_component_is_named(tmp_path: Path, component: str) -> None:
    write_checkpoint(tmp_path)
    (tmp_path / component).rename(tmp_path / "elsewhere")

    with pytest.raises(InvalidCheckpoint, match=f"has no {component}, which a StableAudioPipeline"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("entry", [None, [None, None]])
def test_a_component_that_the_index_leaves_out_is_named(tmp_path: Path, entry: object) -> None:
    write_checkpoint(tmp_path)
    path = tmp_path / "model_index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vae": entry}))

    with pytest.raises(InvalidCheckpoint, match="has no vae"):
        open_checkpoint(str(tmp_path))


def test_the_defaults_beside_the_weights_are_read(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    (tmp_path / "generation_defaults.json").write_text('{"steps": 12, "extendable": true}')

    defaults = open_checkpoint(str(tmp_path)).defaults

    assert (defaults.steps, defaults.extendable, defaults.seconds) == (12, True, None)


def test_hashes_cover_the_pipeline_and_nothing_else(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "vae" / ".cache").mkdir()
    (tmp_path / "vae" / ".cache" / "x").write_text("y")

    hashes = open_checkpoint(str(tmp_path)).hashes()

    assert set(hashes) == {
        "model_index.json",
        *(f"{component}/config.json" for component in COMPONENTS["stable_audio"]),
    }
    assert hashes["model_index.json"] == file_hash(tmp_path / "model_index.json")
