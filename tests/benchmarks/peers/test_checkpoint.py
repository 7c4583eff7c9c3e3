from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers.checkpoint import _replace_card, guide_every_step, whole_frames_s
from tritone.card import read_card
from tritone.noise import COUNTER, SEQUENCE


def test_a_copy_that_guides_every_step_leaves_the_original_alone(tmp_path: Path) -> None:
    bundled = Path("model_repository")
    before = {path: path.read_bytes() for path in bundled.glob("*/config.pbtxt")}
    copy = guide_every_step(bundled, tmp_path / "copy")
    for name in ("starter", "starter_denoiser"):
        served = read_card(before[bundled / name / "config.pbtxt"].decode())
        copied = read_card((copy / name / "config.pbtxt").read_text())
        assert served is not None
        assert copied is not None
        assert served.schedule.guidance_max_sigma is not None
        assert copied.schedule.guidance_max_sigma is None
        assert replace(copied, schedule=served.schedule) == served
    assert before == {path: path.read_bytes() for path in before}


def test_a_copy_draws_its_noise_as_the_peers_do(tmp_path: Path) -> None:
    bundled = Path("model_repository/starter/config.pbtxt").read_text()
    card = read_card(bundled)
    assert card is not None
    config = tmp_path / "models" / "starter" / "config.pbtxt"
    config.parent.mkdir(parents=True)
    config.write_text(_replace_card(bundled, replace(card, noise=COUNTER)))
    copy = guide_every_step(tmp_path / "models", tmp_path / "copy") / "starter" / "config.pbtxt"
    copied = read_card(copy.read_text())
    assert copied is not None
    assert copied.noise == SEQUENCE


def test_lengths_are_rounded_up_to_whole_buckets_of_the_bundled_model() -> None:
    repository = Path("model_repository")  # 5 frames of 80 ms
    assert whole_frames_s(repository, 5.0) == pytest.approx(5.2)
    assert whole_frames_s(repository, 5.2) == pytest.approx(5.2)
