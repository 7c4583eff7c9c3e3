"""Tiny checkpoints and their exports, made once a session: an export takes some ten seconds."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tritone.words import WORDS_FILE

if TYPE_CHECKING:
    from diffusers import StableAudio3Pipeline, StableAudioPipeline

    from tests.export.exports import Exported

NEEDS_NO_TORCH = {
    "test_cards.py",
    "test_checkpoint.py",
    "test_configs.py",
    "test_hub.py",
    "test_plans.py",
    "test_repository.py",
    "test_tensorrt_library.py",
}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what cannot be imported without the extra `export`."""
    is_heavy = collection_path.suffix == ".py" and collection_path.name not in NEEDS_NO_TORCH
    return True if is_heavy and find_spec("diffusers") is None else None


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Where other work shares the cores, torch's waiting threads make tiny networks much slower.
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny StableAudioPipeline; not to be written to."""
    from tests import checkpoints

    made = checkpoints.stable_audio(tmp_path_factory.mktemp("checkpoint") / "tiny")
    (made / WORDS_FILE).write_text("a\nhammer\n")
    return made


@pytest.fixture(scope="session")
def folder_3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny StableAudio3Pipeline, the base kind with guidance and Euler steps."""
    from tests import checkpoints

    target = tmp_path_factory.mktemp("checkpoint") / "tiny3"
    return checkpoints.stable_audio_3(target, stochastic=False)


@pytest.fixture(scope="session")
def pipeline(folder: Path) -> "StableAudioPipeline":
    from export.checkpoint import open_checkpoint
    from export.loading import load

    return load(open_checkpoint(str(folder)))


@pytest.fixture(scope="session")
def pipeline_3(folder_3: Path) -> "StableAudio3Pipeline":
    from export.checkpoint import open_checkpoint
    from export.loading import load

    return load(open_checkpoint(str(folder_3)))


@pytest.fixture(scope="session")
def tiny(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> "Exported":
    """A tiny stable_audio model, exported in fp32."""
    from tests.export.exports import export_checkpoint

    return export_checkpoint(folder, tmp_path_factory.mktemp("repository") / "models", "tiny")


@pytest.fixture(scope="session")
def tiny_3(folder_3: Path, tmp_path_factory: pytest.TempPathFactory) -> "Exported":
    """A tiny stable_audio_3 model, exported in fp32."""
    from tests.export.exports import export_checkpoint

    return export_checkpoint(folder_3, tmp_path_factory.mktemp("repository") / "models", "tiny3")
