"""The official OpenAI clients: what they ask of a server of sounds is its models."""

import pytest

from tests.clients.running import Found, run_node, run_python
from tests.live import Live

pytestmark = pytest.mark.clients


def _check(found: Found) -> None:
    assert found["models"] == ["starter"]
    assert found["one"] == "stabilityai/stable-audio-open-1.0"
    name, status, _ = found["stranger"]
    assert (name, status) == ("AuthenticationError", 401)


@pytest.mark.parametrize("client", ["openai-1", "openai-3"])
def test_python(client: str, live: Live) -> None:
    found = run_python(client, "openai_sdk", live)
    for each in found.values():
        _check(each)
    name, status, message = found["root"]["none"]
    assert (name, status) == ("NotFoundError", 404)
    assert "`nonesuch` does not exist" in message


def test_javascript(live: Live) -> None:
    found = run_node("openai_js", live)
    _check(found)
    assert found["none"][:2] == ["NotFoundError", 404]
