"""What a sound that is sent at once is saved as."""

import re
from collections.abc import Mapping

import httpx2
import pytest

from frontend.audio.formats import FORMATS
from frontend.contracts.kit.file_headers import make_file_headers

Json = Mapping[str, object]

SOUND, SPEECH = "starter", "anna"
SPOKEN = {"input": "Hello.", "model": "tts-1", "voice": "anna"}
PIECES = {
    "/v1/audio/generate": ({"input": "rain", "response_format": "flac"}, SOUND, "flac"),
    "/elevenlabs/v1/sound-generation": ({"text": "rain"}, SOUND, "mp3"),
    "/elevenlabs/v1/music?output_format=opus_48000_64": ({"prompt": "rain"}, SOUND, "ogg"),
    "/elevenlabs/v1/music/stream": ({"prompt": "rain"}, SOUND, "mp3"),
    "/elevenlabs/v1/text-to-speech/anna": ({"text": "Hello."}, SPEECH, "mp3"),
    "/elevenlabs/v1/text-to-speech/anna/stream": ({"text": "Hello."}, SPEECH, "mp3"),
    "/openai/v1/audio/speech": ({**SPOKEN, "response_format": "aac"}, SPEECH, "aac"),
    "/localai/v1/sound-generation": ({"model_id": "starter", "text": "rain"}, SOUND, "wav"),
    "/localai/tts": ({"input": "Hello."}, SPEECH, "wav"),
}
WRAPPED = {
    "/elevenlabs/v1/text-to-speech/anna/with-timestamps": {"text": "Hello."},
    "/elevenlabs/v1/text-to-speech/anna/stream/with-timestamps": {"text": "Hello."},
    "/elevenlabs/v1/music/detailed": {"prompt": "rain"},
    "/openai/v1/audio/speech": {**SPOKEN, "stream_format": "sse"},
}


@pytest.mark.parametrize(("path", "piece"), PIECES.items())
async def test_a_sound_is_named_after_what_made_it(
    path: str, piece: tuple[Json, str, str], client: httpx2.AsyncClient
) -> None:
    body, maker, extension = piece
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    # LocalAI's own server has its sounds saved; the others have them played.
    way = "attachment" if path.startswith("/localai") else "inline"
    name = f"{maker}-{answer.headers['x-tritone-seed']}.{extension}"
    assert answer.headers["content-disposition"] == f'{way}; filename="{name}"'


@pytest.mark.parametrize(("path", "body"), WRAPPED.items())
async def test_what_only_holds_a_sound_has_no_name(
    path: str, body: Json, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert "content-disposition" not in answer.headers
    assert not answer.headers["content-type"].startswith("audio/")


def test_no_name_of_an_operators_breaks_a_header() -> None:
    headers = make_file_headers(FORMATS["wav"], 'it"/é\r\n../riccardo', 7)
    assert re.fullmatch(r'inline; filename="it-riccardo-7\.wav"', headers["content-disposition"])
