"""The official ElevenLabs clients: three Python major lines and JavaScript."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients.running import Found, run_node, run_python
from tests.clients.tls import tls_in_front_of
from tests.live import Live

pytestmark = pytest.mark.clients

RAIN_PCM = 16_000 * 2
SPOKEN = "Hello there How are you"  # the fake voice says no full stops, and 20 characters a second
SPOKEN_PCM = 2 * 16_000 * len(SPOKEN) // 20


def _check_sounds(found: Found) -> None:
    assert found["plain"] > 10_000
    assert found["pcm"] == RAIN_PCM
    name, status, _ = found["bad"]
    assert (name, status) == ("UnprocessableEntityError", 422)
    _, status, detail = found["stranger"]
    assert status == 401
    assert detail["detail"]["status"] == "invalid_api_key"


def _check_account(found: Found) -> None:
    assert sorted(found["models"]) == [["starter", "starter"], ["talker", "talker"]]
    assert found["user"] == "self_hosted"


def _check_history(found: Found) -> None:
    assert found["listed"] is True
    assert found["text"] == "rain"
    assert found["audio"] == found["download"] > 10_000
    _, status, detail = found["gone"]
    assert status == 404
    assert detail["detail"]["status"] == "history_item_not_found"


@pytest.mark.parametrize("major", ["1", "2"])
def test_python(major: str, live: Live) -> None:
    found = run_python(f"elevenlabs-{major}", "elevenlabs_sdk", live, TEST_MAJOR=major)
    _check_sounds(found)
    assert found["nulls"] == found["plain"]
    assert found["extra"] > 5_000
    assert found["blank"][:2] == ["UnprocessableEntityError", 422]
    _check_account(found)
    assert found["subscription"][0] == "active"
    _check_history(found)
    if major == "2":
        assert found["loop"] > 5_000
        assert found["headers"]["character-cost"] == "40"
        assert len(found["headers"]["request-id"]) == 20
        _check_music(found)


@pytest.mark.parametrize("major", ["1", "2"])
def test_python_speaks(major: str, live: Live, tmp_path: Path) -> None:
    port = urlsplit(live.url).port
    assert port is not None
    with tls_in_front_of(port, tmp_path) as tls:
        found = run_python(
            f"elevenlabs-{major}",
            "elevenlabs_speech",
            live,
            TEST_MAJOR=major,
            TEST_TLS_URL=tls.url,
            SSL_CERT_FILE=str(tls.certificate),
        )
    assert found["converted"] > 5_000
    assert found["pcm"] == found["all"] == found["streamed"] == SPOKEN_PCM
    assert found["timed"] == found["lines"] == [SPOKEN_PCM, SPOKEN]
    assert found["realtime"] >= SPOKEN_PCM
    # The client gives the message or the reason of the close, as it meets one or the other first.
    for call, error in (("stranger", "invalid_api_key"), ("nobody", "voice_not_found")):
        status, body = found[f"realtime_{call}"]
        assert (status, body["error"] if isinstance(body, dict) else body) == (1008, error)
    status, detail = found["nobody"]
    assert (status, detail["detail"]["code"]) == (404, "voice_not_found")
    assert found["voices"] == ["Anna", "Marie"]
    assert found["search"] == ["21m00Tcm4TlvDq8ikWAM"]
    assert found["voice"] == "Anna"
    assert found["settings"] == found["default"]
    assert found["settings"]["speed"] == 1.0
    if major == "1":
        assert found["generated"] > 5_000


@pytest.mark.parametrize("major", ["1", "2"])
def test_python_keeps_pronunciations(major: str, live: Live) -> None:
    found = run_python(f"elevenlabs-{major}", "elevenlabs_dictionaries", live, TEST_MAJOR=major)
    _check_dictionaries(found)
    assert found["shown"] == "of a file"
    status, detail = found["refused"]
    assert (status, detail["detail"]["code"]) == (404, "pronunciation_dictionary_not_found")


def test_javascript_keeps_pronunciations(live: Live) -> None:
    found = run_node("elevenlabs_dictionaries_js", live)
    _check_dictionaries(found)
    assert found["shown"] == ["sequel", "T AH0 M EY1 T OW0"]
    assert found["renamed"] == "renamed"


def _check_dictionaries(found: Found) -> None:
    assert found["rules"] == [2, 3, 2]
    assert found["copied"] == 2
    assert found["page"] == [["of a file"], True]
    assert found["spoken"] == 2 * 16_000 * len("SQL") // 20


def test_python_0(live: Live) -> None:
    found = run_python("elevenlabs-0", "elevenlabs_0", live)
    _check_account(found)
    assert found["text"] == "rain"
    assert found["audio"] > 10_000
    assert "no such item" in found["gone"]
    assert found["voices"] == ["Anna", "Marie"]
    assert found["spoken"] > 5_000
    assert found["streamed"] > 5_000


def test_javascript(live: Live) -> None:
    found = run_node("elevenlabs_js", live)
    _check_sounds(found)
    assert found["loop"] > 5_000
    assert len(found["requestId"]) == 20
    _check_music(found)
    _check_account(found)
    assert found["subscription"] == "active"
    _check_history(found)
    assert found["spoken"] == found["spokenStream"] == SPOKEN_PCM
    assert found["timed"] == found["timedStream"] == [SPOKEN_PCM, SPOKEN]
    assert found["voices"] == ["Anna", "Marie"]
    assert found["search"] == [["Rachel"], False, 1]
    assert found["voice"] == "Anna"
    assert found["settings"] == found["defaultSettings"] == 1.0
    _, status, detail = found["nobody"]
    assert (status, detail["detail"]["code"]) == (404, "voice_not_found")


def _check_music(found: Found) -> None:
    assert found["composed"] > 30_000
    assert found["streamed"] == 3 * 8_000 * 2
    assert found["plan"] == [["a waltz", "strings"], ["drums"]]
    assert found["section_ms"] == 3000
    assert found["from_plan"] == 3 * 8_000 * 2
    assert found["detailed_plan"] == ["a waltz"]
    assert found["detailed_audio"] == found["composed"]
    assert found["detailed_name"] == "music.mp3"
    assert len(found["song_id"]) == 20
