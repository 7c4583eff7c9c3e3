"""Real Tritons: one with the settings as published, one with those of a GPU."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from ops.triton.published import list_published_models
from tests.acceptance.client import Client
from tests.acceptance.drills import open_folder, until
from tests.acceptance.stack import SPEAKS, Stack, running

ROOT = Path(__file__).parents[2]
REPOSITORIES = (ROOT / "model_repository", ROOT / "work" / "tiny_repository")
"""Where the served models come from; the first that exists."""

SHARED_STEP_BATCH = "8"
VOICE = "hibari"


@pytest.fixture(scope="session")
def repository() -> Path:
    found = [folder for folder in REPOSITORIES if any(folder.glob("*/config.pbtxt"))]
    if not found:
        pytest.skip("no model is published")
    return found[0]


@pytest.fixture(scope="session")
def model(repository: Path) -> str:
    return list_published_models(repository)[0].name


def copy_of(repository: Path, target: Path, **denoiser: str) -> Path:
    """Copy a repository, so that healing and other settings leave the original alone.

    `denoiser` are parameters of its denoisers to change.
    """
    shutil.copytree(repository, target)
    for config in target.glob("*_denoiser/config.pbtxt"):
        text = config.read_text()
        for key, value in denoiser.items():
            pattern = rf'(key: "{key}" value {{ string_value: )"\w+"'
            text, n_found = re.subn(pattern, rf'\1"{value}"', text)
            assert n_found == 1, f"{config} has no parameter {key}"
        config.write_text(text)
    return target


@pytest.fixture(scope="session")
def stack(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Triton as published."""
    folder = tmp_path_factory.mktemp("stack")
    models = copy_of(repository, folder / "models")
    with running(models, folder, "--no-frontend", **SPEAKS) as stack:
        yield stack


@pytest.fixture(scope="session")
def sharing_stack(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Triton as GPUs need it: up to eight requests share a step of the transformer's own model."""
    folder = tmp_path_factory.mktemp("sharing_stack")
    over_triton = {"transformer_in_process": "false", "lanes": "1"}
    models = copy_of(repository, folder / "models", step_batch=SHARED_STEP_BATCH, **over_triton)
    with running(models, folder, "--no-frontend") as stack:
        yield stack


@pytest.fixture(scope="session")
def served(repository: Path) -> Iterator[Stack]:
    """The whole stack as `make serve` starts it; webhooks may go to this machine."""
    # pytest's own folders are closed to others: where we are root, the job database is not.
    with open_folder() as folder:
        allowed = {"TRITONE_WEBHOOKS__ALLOW_NETWORKS": '["127.0.0.0/8"]'}
        models = copy_of(repository, folder / "models")
        with running(models, folder, **SPEAKS, **allowed) as stack:
            url = f"http://{stack.address}/readyz?verbose"
            until(lambda: VOICE in httpx2.get(url).json()["models"])  # it loads last
            yield stack


@pytest.fixture
async def client(stack: Stack, model: str) -> AsyncIterator[Client]:
    async with Client(stack.address, model) as client:
        yield client


@pytest.fixture
async def sharing_client(sharing_stack: Stack, model: str) -> AsyncIterator[Client]:
    async with Client(sharing_stack.address, model) as client:
        yield client
