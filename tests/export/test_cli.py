"""The command: one sentence and exit code 1 for what cannot be, and nothing published."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from export import verify
from export.cli import app
from tests import checkpoints
from tests.export.exports import Exported
from tests.export.test_checkpoint import write_weights

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
    assert f"{weights} is cut off" in sentence(result)


@pytest.mark.parametrize("component", ["transformer", "text_encoder", "vae", "projection_model"])
def test_weights_that_do_not_fit_end_in_one_sentence(
    folder: Path, tmp_path: Path, component: str
) -> None:
    shutil.copytree(folder, tmp_path / "broken")
    weights = next((tmp_path / "broken" / component).glob("*.safetensors"))
    write_weights(weights)

    result = run(tmp_path / "broken", "--name", "x", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert sentence(result)
    assert not (tmp_path / "models").exists()


def test_a_tokenizer_without_a_length_is_told_where_to_write_it(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "endless")
    path = tmp_path / "endless" / "tokenizer" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in config.items() if k != "model_max_length"}))

    result = run(tmp_path / "endless", "--name", "x", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert "the tokenizer has no length" in sentence(result)
    assert "tokenizer_config.json" in sentence(result)


def test_whatever_a_library_raises_is_one_sentence_and_its_traceback_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OverflowError("int too big to convert\nhere is why")

    monkeypatch.setattr(verify, "ask_pytorch", fail)
    result = run(folder, "--name", "x", "--repository", tmp_path / "models")

    assert result.exit_code == 1
    assert sentence(result) == (
        "error: asking PyTorch failed: int too big to convert; nothing was published"
    )
    details = next(line for line in result.stderr.splitlines() if line.startswith("details: "))
    assert "Traceback" in Path(details.removeprefix("details: ")).read_text()
    assert not (tmp_path / "models").exists()


_IS_TORCH_LOADED = """
import sys
from typer.testing import CliRunner
from export.cli import app
print(CliRunner().invoke(app, sys.argv[1:]).stderr)
sys.exit(100 if "torch" in sys.modules else 0)
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "a/b"], "may hold only"),
        (["--name", "x", "--repository", "/nowhere/models"], "there is no folder /nowhere"),
        (["--name", "starter"], "starter is published with another card"),
    ],
)
def test_what_is_cheap_to_check_is_checked_before_torch_is_imported(
    folder: Path, options: list[str], said: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _IS_TORCH_LOADED, str(folder), "--steps", "50", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in result.stdout


def test_another_card_is_refused_before_any_work(tiny: Exported) -> None:
    result = run(tiny.folder, "--name", "tiny", "--repository", tiny.repository, "--steps", 50)

    assert result.exit_code == 1
    assert "default_steps: 6 -> 50" in sentence(result)
    assert "choose another --name" in sentence(result)
    assert [path.name for path in (tiny.repository / "tiny").glob("[0-9]*")] == ["1"]


@pytest.mark.drill
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
