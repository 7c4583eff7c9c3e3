"""The real voice, loaded once: its network from the installed package, in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backends.speech.engine import Parts
from backends.speech.engines import open_engine
from backends.speech.hibari import Hibari
from backends.speech.in_process import open_in_process
from ops.voices import publish_default_voice
from ops.voices.hibari import CARD
from tests.backends.speech.speaking import Spoken, speak


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Hibari:
    repository = publish_default_voice(tmp_path_factory.mktemp("voices"))
    assert repository is not None, "hibari-tts is not installed"
    network = open_in_process(repository / "hibari_network" / "1")
    made = open_engine(Parts(CARD, network, repository / "hibari" / "1"))
    assert isinstance(made, Hibari)
    return made


@pytest.fixture
def say(engine: Hibari) -> Callable[..., Spoken]:
    return lambda text, **tensors: speak(engine, text, **tensors)


@pytest.fixture
def version_folder(tmp_path: Path) -> Path:
    repository = publish_default_voice(tmp_path)
    assert repository is not None
    return repository / "hibari_network" / "1"
