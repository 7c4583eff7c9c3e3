"""What is refused before torch is even imported."""

import json
from pathlib import Path

import pytest

from export.checkpoint import COMPONENTS, open_checkpoint
from export.checkpoint_files import HOLD_WEIGHTS
from export.errors import InvalidCheckpoint
from export.hashing import file_hash
from tritone.families import FAMILIES

HOLDERS = sorted(HOLD_WEIGHTS & set(COMPONENTS["stable_audio"]))


def write_checkpoint(folder: Path, pipeline_class: str = "StableAudioPipeline") -> Path:
    family = next(f.name for f in FAMILIES.values() if f.pipeline_class == "StableAudioPipeline")
    index: dict[str, object] = {"_class_name": pipeline_class}
    for component in COMPONENTS[family]:
        (folder / component).mkdir(parents=True)
        (folder / component / "config.json").write_text("{}")
        if component in HOLD_WEIGHTS:
            write_weights(folder / component / "model.safetensors")
        index[component] = ["diffusers", "Something"]
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_weights(path: Path) -> None:
    """Write one tensor of four numbers."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))


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
        match="is a AudioLDM2Pipeline; supported are StableAudioPipeline, StableAudio3",
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
        "tokenizer/tokenizer.json",
        *(f"{component}/config.json" for component in COMPONENTS["stable_audio"]),
        *(f"{component}/model.safetensors" for component in HOLDERS),
    }
    assert hashes["model_index.json"] == file_hash(tmp_path / "model_index.json")


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 970000\n"


@pytest.mark.parametrize("component", COMPONENTS["stable_audio"])
def test_a_git_lfs_pointer_is_no_file(tmp_path: Path, component: str) -> None:
    write_checkpoint(tmp_path)
    path = max((tmp_path / component).iterdir())
    path.write_text(POINTER)

    with pytest.raises(InvalidCheckpoint, match=rf"{path.name} is a git-lfs pointer.*git lfs pull"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("n_bytes", [0, 4, 8, 20, -1])
@pytest.mark.parametrize("component", HOLDERS)
def test_weights_that_are_cut_off_are_named(tmp_path: Path, component: str, n_bytes: int) -> None:
    path = write_checkpoint(tmp_path) / component / "model.safetensors"
    path.write_bytes(path.read_bytes()[:n_bytes])

    with pytest.raises(InvalidCheckpoint, match=f"{component}/model.safetensors is cut off"):
        open_checkpoint(str(tmp_path))


def test_weights_of_another_format_are_named(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path) / "vae" / "model.safetensors"
    path.write_bytes(b"PK\3\4" * 100)

    with pytest.raises(InvalidCheckpoint, match=r"vae/model.safetensors is not a safetensors file"):
        open_checkpoint(str(tmp_path))


@pytest.mark.parametrize("component", COMPONENTS["stable_audio"])
def test_a_component_whose_json_is_cut_off_is_named(tmp_path: Path, component: str) -> None:
    (write_checkpoint(tmp_path) / component / "config.json").write_text('{"a": 1, "b')

    with pytest.raises(InvalidCheckpoint, match=f"{component}/config.json is not valid JSON"):
        open_checkpoint(str(tmp_path))


def test_a_variant_alone_gets_the_remedy(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path) / "transformer"
    (folder / "model.safetensors").rename(folder / "model.fp16.safetensors")

    with pytest.raises(InvalidCheckpoint, match=r"variant .*rename it to model.safetensors"):
        open_checkpoint(str(tmp_path))


def test_pickled_weights_are_none(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path) / "transformer"
    (folder / "model.safetensors").rename(folder / "model.bin")

    with pytest.raises(InvalidCheckpoint, match="transformer has no safetensors weights"):
        open_checkpoint(str(tmp_path))


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path) / "transformer"
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    shards = {"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(shards))

    with pytest.raises(InvalidCheckpoint, match=r"model-2.safetensors is missing"):
        open_checkpoint(str(tmp_path))
    write_weights(folder / "model-2.safetensors")
    open_checkpoint(str(tmp_path))


def test_a_slow_tokenizer_is_refused(tmp_path: Path) -> None:
    (write_checkpoint(tmp_path) / "tokenizer" / "tokenizer.json").unlink()

    with pytest.raises(InvalidCheckpoint, match="the tokenizer has no fast version"):
        open_checkpoint(str(tmp_path))
