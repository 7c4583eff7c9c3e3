"""Real Tritons: one with the settings as published, one that shares diffusion steps."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ops.models import published_models
from tests.acceptance.client import Client
from tests.acceptance.stack import Stack, running

ROOT = Path(__file__).parents[2]
REPOSITORIES = (ROOT / "model_repository", ROOT / "work" / "tiny_repository")
"""Where the served models come from; the first that exists."""

SHARED_STEP_BATCH = 8


@pytest.fixture(scope="session")
def repository() -> Path:
    found = [folder for folder in REPOSITORIES if any(folder.glob("*/config.pbtxt"))]
    if not found:
        pytest.skip("no model is published")
    return found[0]


@pytest.fixture(scope="session")
def model(repository: Path) -> str:
    return published_models(repository)[0].name


def copy_of(repository: Path, target: Path, *, step_batch: int | None = None) -> Path:
    """Copy a repository, so that healing and settings leave the original alone."""
    shutil.copytree(repository, target)
    for config in target.glob("*_denoiser/config.pbtxt"):
        if step_batch is not None:
            text = re.sub(
                r'(key: "step_batch" value \{ string_value: )"\d+"',
                rf'\1"{step_batch}"',
                config.read_text(),
            )
            config.write_text(text)
    return target


@pytest.fixture(scope="session")
def stack(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Triton as published."""
    folder = tmp_path_factory.mktemp("stack")
    with running(copy_of(repository, folder / "models"), folder, "--no-frontend") as stack:
        yield stack


@pytest.fixture(scope="session")
def sharing_stack(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Triton that puts up to eight requests into one diffusion step."""
    folder = tmp_path_factory.mktemp("sharing_stack")
    models = copy_of(repository, folder / "models", step_batch=SHARED_STEP_BATCH)
    with running(models, folder, "--no-frontend") as stack:
        yield stack


@pytest.fixture
async def client(stack: Stack, model: str) -> AsyncIterator[Client]:
    async with Client(stack.address, model) as client:
        yield client


@pytest.fixture
async def sharing_client(sharing_stack: Stack, model: str) -> AsyncIterator[Client]:
    async with Client(sharing_stack.address, model) as client:
        yield client
