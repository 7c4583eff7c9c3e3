"""MusicGPT's official clients, with a webhook."""

import pytest

from tests.clients.running import run_node, run_python
from tests.live import Live

pytestmark = pytest.mark.clients


def test_python(live: Live) -> None:
    found = run_python("musicgpt-0", "musicgpt_0", live)
    assert found["accepted"]["status"] == "IN_QUEUE"
    assert found["success"] is True
    assert found["conversion"]["status"] == "COMPLETED"
    assert found["conversion"]["task_id"] == found["accepted"]["task_id"]
    assert "not found" in found["missing"].lower()


def test_javascript(live: Live) -> None:
    found = run_node("musicgpt_js", live)
    accepted, conversion = found["accepted"], found["done"]["conversion"]
    assert accepted["task_id"] == conversion["task_id"]
    assert conversion["status"] == "COMPLETED"
    body = found["webhook"]["body"]
    assert (body["success"], body["conversion_type"]) == (True, "Sound Creator")
    assert body["conversion_id"] == accepted["conversion_id"] == conversion["conversion_id"]
    assert found["webhook"]["headers"]["webhook-signature"].startswith("v1,")
    assert found["audio"] == [200, "audio/mpeg"]
    assert found["stranger"][0] == "MusicGPTAuthError"
