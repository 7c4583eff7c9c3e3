"""The command: one sentence and exit code 1 for what cannot be, and nothing published."""

import resource
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from export.cli import app
from tests import checkpoints
from tests.export.exports import Exported

pytestmark = pytest.mark.export


def run(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def sentence(result: Result) -> str:
    """Return the one line that a failure prints besides its progress."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def test_help_teaches() -> None:
    result = run("--help")

    assert result.exit_code == 0
    for word in ("--precision", "--frame-bucket", "generation_defaults.json", "Example"):
        assert word in result.stdout


def test_a_missing_folder_ends_in_one_sentence(tmp_path: Path) -> None:
    result = run(tmp_path / "absent", "--name", "x", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert sentence(result) == f"error: there is no folder {tmp_path / 'absent'}"
    assert not (tmp_path / "models").exists()


def test_a_bad_name_ends_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "--name", "a/b", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert "--name 'a/b' may hold only" in sentence(result)
    assert not (tmp_path / "models").exists()


def test_a_scheduler_we_do_not_have_ends_in_one_sentence(tmp_path: Path) -> None:
    folder = checkpoints.stable_audio(tmp_path / "heun", scheduler={"solver_type": "heun"})

    result = run(folder, "--name", "x", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert "the scheduler's solver_type is 'heun'; supported is 'midpoint'" in sentence(result)


def test_weights_that_cannot_be_read_end_in_one_sentence(tmp_path: Path) -> None:
    folder = checkpoints.stable_audio(tmp_path / "broken")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    result = run(folder, "--name", "x", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert "broken cannot be loaded" in sentence(result)


def test_another_card_is_refused_before_any_work(tiny: Exported) -> None:
    result = run(tiny.folder, "--name", "tiny", "--repository", tiny.repository, "--steps", 50)

    assert result.exit_code == 1
    assert "default_steps: 6 -> 50" in sentence(result)
    assert "choose another --name" in sentence(result)
    assert [path.name for path in (tiny.repository / "tiny").glob("[0-9]*")] == ["1"]


def test_a_full_disk_ends_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # a write beyond it fails
    try:
        result = run(folder, "--name", "x", "--repository", tmp_path / "models")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    assert result.exit_code == 1
    assert "the disk is full" in sentence(result)
    assert not (tmp_path / "models").exists()


@pytest.mark.drill  # `test_verify.py` has the cheap edition
def test_a_transformer_that_hears_no_prompt_is_not_published(tmp_path: Path) -> None:
    folder = checkpoints.stable_audio(tmp_path / "deaf", is_deaf=True)

    result = run(
        folder, "--name", "deaf", "--repository", tmp_path / "models", "--seconds", 1,
        "--frame-bucket", 16, "--no-guidance",
    )  # fmt: skip

    assert result.exit_code == 1
    assert "two prompts give one sound: their relative difference is" in sentence(result)
    assert not (tmp_path / "models").exists()
