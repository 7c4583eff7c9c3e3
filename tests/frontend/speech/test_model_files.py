import os
from pathlib import Path

import pytest
import structlog

from frontend.speech.model_files import BrokenModelFile, ModelFiles, parse_model_file


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_folder_is_followed(tmp_path: Path) -> None:
    clock = Clock()
    files = ModelFiles(tmp_path, clock)
    assert files.find("a") is None
    path = tmp_path / "a.yaml"
    path.write_text("name: a\nbackend: bark")
    assert files.find("a") is None  # no look yet
    clock.now += 1.0
    found = files.find("a")
    assert found is not None
    assert found.backend == "bark"
    path.write_text("name: a\nbackend: coqui")
    os.utime(path, ns=(1, 1))
    clock.now += 1.0
    found = files.find("a")
    assert found is not None
    assert found.backend == "coqui"
    path.unlink()
    clock.now += 1.0
    assert files.find("a") is None


def test_a_broken_file_is_one_line_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: [")
    (tmp_path / "b.yaml").write_text("name: b")
    (tmp_path / "c.yaml").write_text("name: c\n" + "#" * 70_000)
    (tmp_path / "d.yaml").write_bytes(b"name: \xff")
    clock = Clock()
    files = ModelFiles(tmp_path, clock)
    with structlog.testing.capture_logs() as lines:
        assert files.find("b") is not None
        clock.now += 5.0
        assert files.find("c") is None
    broken = [line["file"] for line in lines if line["event"] == "model_file_broken"]
    assert broken == ["a.yaml", "c.yaml", "d.yaml"]  # once each, although there were two looks


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert ModelFiles(tmp_path / "nonesuch").find("a") is None
    assert ModelFiles(None).find("a") is None


@pytest.mark.parametrize(
    "text", ["", "- a", "backend: bark", "name: 3", "name: a\ntts: x", "name: a\nparameters: [x]"]
)
def test_what_is_no_model_file_is_refused(text: str) -> None:
    with pytest.raises(BrokenModelFile):
        parse_model_file(text)


@pytest.mark.parametrize(
    "text", ["name: a\ntts: {audio_path: x.wav}", "name: a\ntts: {vall-e: {audio_path: x.wav}}"]
)
def test_both_places_of_the_reference_audio_are_read(text: str) -> None:
    assert parse_model_file(text).audio_path == "x.wav"
