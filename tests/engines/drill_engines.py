"""Every engine with an environment of its own: built from the registry, and tried on a real Triton.

`make engines`, outside the gate: gigabytes, and minutes for each. Those of `TINY` speak, with tiny
random weights in their true architecture; of the others it is known that they load.
"""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.settings import Settings
from ops.voices.adding import add_isolated, remove
from ops.voices.environments import Environments, build, find_fault
from ops.voices.installer import UvInstaller
from ops.voices.isolated import Wanted, find_engine
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import open_folder, tell
from tests.acceptance.stack import SPEAKS, Stack, running
from tests.acceptance.test_added_voices import _say
from tritone.engines import ENGINES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "work" / "engines"  # it stays: the next run only looks whether it is whole
TINY = {"parler-tts": "tiny_parler.py"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_folder() as folder:
        models = copy_of(ROOT / "model_repository", folder / "models")
        with running(models, folder, "--no-frontend", **SPEAKS) as stack:
            yield stack


@pytest.fixture
def settings(stack: Stack) -> Settings:
    _ = stack.address  # it is ready
    state = stack.log_file.parent / "run"
    return Settings(
        model_repository=stack.repository, state_directory=state, engine_directory=FOLDER
    )


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [each.name for each in ENGINES.values() if each.environment])
def test_an_engine_is_built_and_loads(name: str) -> None:
    environments = Environments(FOLDER)
    if not environments.is_built(name) or find_fault(environments, name):
        build(environments, ENGINES[name], UvInstaller(), tell)
    assert environments.is_built(name)
    tell(f"{name}: {environments.n_bytes(name) / 1e9:.2f} GB")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TINY)
def test_an_engine_speaks_and_takes_seeds(settings: Settings, tmp_path: Path, name: str) -> None:
    engine, environments = ENGINES[name], Environments.of(settings)
    checkpoint = tmp_path / "tiny"
    maker = Path(__file__).with_name(TINY[name])
    python = str(environments.python(name))
    subprocess.run([python, "-I", str(maker), str(checkpoint)], check=True)
    assert find_engine(str(checkpoint)) == name

    wanted = Wanted(licence="MIT")
    voices = add_isolated(settings, engine, str(checkpoint), wanted, accepts=True).card.voices
    tell(f"{name}: {', '.join(voice.id for voice in voices)}")
    _listen(settings, "tiny")


def _listen(settings: Settings, model: str) -> None:
    first, again, other = (
        asyncio.run(_say(settings, model, b"Hello there.", seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert remove(settings, model)
