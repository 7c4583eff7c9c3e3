"""The official OpenAI clients: models and speech."""

import pytest

from tests.clients.running import Found, run_node, run_python
from tests.live import Live

pytestmark = pytest.mark.clients

SPOKEN_PCM = 2 * 24_000 * len("Hello there How are you") // 20  # as the fake voice speaks
EVENTS = ["speech.audio.delta", "speech.audio.done"]


def _check(found: Found) -> None:
    assert sorted(found["models"]) == ["starter", "talker"]
    assert found["one"] == "stabilityai/stable-audio-open-1.0"
    name, status, _ = found["stranger"]
    assert (name, status) == ("AuthenticationError", 401)


def _check_speech(found: Found) -> None:
    assert found["formats"]["pcm"] == SPOKEN_PCM
    assert found["formats"]["wav"] == SPOKEN_PCM + 44
    assert all(n_bytes > 1000 for n_bytes in found["formats"].values())
    assert found["events"] == EVENTS
    name, status, message = found["nobody"]
    assert (name, status) == ("BadRequestError", 400)
    assert "`nobody` is not installed" in message


@pytest.mark.parametrize("client", ["openai-1", "openai-3"])
def test_python(client: str, live: Live) -> None:
    found = run_python(client, "openai_sdk", live)
    for each in found.values():
        _check(each)
    _check_speech(found["root"])
    assert found["root"]["streamed"] == SPOKEN_PCM
    name, status, message = found["root"]["none"]
    assert (name, status) == ("NotFoundError", 404)
    assert "`nonesuch` does not exist" in message


def test_javascript(live: Live) -> None:
    found = run_node("openai_js", live)
    _check(found)
    _check_speech(found)
    assert found["none"][:2] == ["NotFoundError", 404]
