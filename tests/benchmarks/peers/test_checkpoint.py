import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers.checkpoint import (
    NoCheckpoint,
    every_step_guided,
    published_digests,
    require,
    source_digests,
    whole_frames_s,
    window_s,
)
from tritone.card import read_card


def test_a_folder_without_a_pipeline_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoCheckpoint, match="--checkpoint"):
        require(tmp_path)


def test_weights_are_known_by_their_bytes(tmp_path: Path) -> None:
    weights = tmp_path / "vae" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    sha = hashlib.sha256(b"weights").hexdigest()
    assert source_digests(tmp_path) == {"vae/model.safetensors": sha}


def test_the_newest_version_counts(tmp_path: Path) -> None:
    for version, sha in (("2", "old"), ("10", "new")):
        folder = tmp_path / "starter" / version
        folder.mkdir(parents=True)
        sources = {"vae/model.safetensors": sha, "model_index.json": "x"}
        (folder / "manifest.json").write_text(json.dumps({"source_files": sources}))
    assert published_digests(tmp_path) == {"vae/model.safetensors": "new"}


def test_no_repository_no_digests(tmp_path: Path) -> None:
    assert published_digests(tmp_path) is None


def test_the_bundled_model_says_what_it_was_made_of() -> None:
    digests = published_digests(Path("model_repository"))
    assert digests
    assert {path.partition("/")[0] for path in digests} == {
        "projection_model",
        "text_encoder",
        "transformer",
        "vae",
    }


def test_a_copy_that_guides_every_step_leaves_the_original_alone(tmp_path: Path) -> None:
    bundled = Path("model_repository")
    before = {path: path.read_bytes() for path in bundled.glob("*/config.pbtxt")}
    copy = every_step_guided(bundled, tmp_path / "copy")
    for name in ("starter", "starter_denoiser"):
        served = read_card(before[bundled / name / "config.pbtxt"].decode())
        copied = read_card((copy / name / "config.pbtxt").read_text())
        assert served is not None
        assert copied is not None
        assert served.schedule.guidance_max_sigma is not None
        assert copied.schedule.guidance_max_sigma is None
        assert replace(copied, schedule=served.schedule) == served
    assert before == {path: path.read_bytes() for path in before}


def test_the_window(tmp_path: Path) -> None:
    for name, config in (
        ("transformer", {"sample_size": 375}),
        ("vae", {"downsampling_ratios": [320, 2], "sampling_rate": 16000}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    assert window_s(tmp_path) == 15.0


def test_lengths_are_rounded_up_to_whole_buckets_of_the_bundled_model() -> None:
    repository = Path("model_repository")  # 5 frames of 80 ms
    assert whole_frames_s(repository, 5.0) == pytest.approx(5.2)
    assert whole_frames_s(repository, 5.2) == pytest.approx(5.2)
