"""`POST /v1/text-to-speech/{voice_id}`: in ElevenLabs' or in LocalAI's words."""

from pathlib import Path

import httpx2
import pytest

from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

PATH = "/v1/text-to-speech/anna"
LOCAL = {"text": "Hello there.", "model_id": "tts"}
RACHEL = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"


@pytest.mark.parametrize(
    ("headers", "body", "media_type"),
    [
        pytest.param({}, {"text": "Hello."}, "audio/mpeg", id="bare"),
        pytest.param({}, {**LOCAL, "model_id": "eleven_v3"}, "audio/mpeg", id="vendors-model"),
        pytest.param({"xi-api-key": "k"}, LOCAL, "audio/mpeg", id="key"),
        pytest.param({"x-fern-sdk-name": "elevenlabs"}, LOCAL, "audio/mpeg", id="sdk"),
        pytest.param({}, LOCAL, "audio/wav", id="local-model"),
        pytest.param({"xi-api-key": "k"}, {**LOCAL, "language": "en"}, "audio/wav", id="field"),
        pytest.param({"authorization": "Bearer k"}, {"text": "Hello."}, "audio/wav", id="bearer"),
    ],
)
async def test_the_dialect_decides_the_format(
    client: httpx2.AsyncClient, headers: dict[str, str], body: dict[str, object], media_type: str
) -> None:
    # `tts` is a model only in LocalAI's words and in ours: ElevenLabs' clients may name it, too.
    response = await client.post(PATH, json=body, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    is_localai = media_type == "audio/wav"
    assert ("request-id" in response.headers) is not is_localai
    if is_localai:
        assert response.headers["content-disposition"].startswith("attachment;")
        assert int.from_bytes(response.content[40:44], "little") == len(response.content) - 44


async def test_the_query_and_foreign_fields_are_not_read(client: httpx2.AsyncClient) -> None:
    body = {**LOCAL, "response_format": "mp3", "seed": 3}
    response = await client.post(f"{PATH}?format=mp3", json=body)
    assert response.headers["content-type"] == "audio/wav"
    assert response.headers["x-tritone-note"] == "response_format ignored; seed ignored"


@pytest.mark.parametrize(
    ("path", "note"),
    [
        ("/v1/text-to-speech/nobody", "voice_id ignored: no such voice is installed"),
        (RACHEL, "voice anna stands in for 21m00Tcm4TlvDq8ikWAM"),
        (PATH, None),
    ],
)
async def test_localai_takes_any_voice(
    client: httpx2.AsyncClient, gateway: FakeGateway, path: str, note: str | None
) -> None:
    response = await client.post(f"/localai{path}", json=LOCAL)
    assert response.status_code == 200
    assert response.headers.get("x-tritone-note") == note
    assert gateway.speech_passes[0].voice == "anna"


async def test_a_model_file_chooses_where_the_voice_is_unknown(
    client_of: ClientFactory, gateway: FakeGateway, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text("name: mine\ntts: {voice: marie}")
    body = {"text": "Bonjour.", "model_id": "mine", "language_code": "fr"}
    async with client_of(gateway, make_settings(model_files=tmp_path)) as client:
        response = await client.post("/v1/text-to-speech/nobody", json=body)
    assert response.headers["x-tritone-voice"] == "marie"


@pytest.mark.parametrize(
    ("headers", "path", "body", "expected"),
    [
        pytest.param({}, PATH, {"text": ""}, (422, "detail"), id="bare"),
        pytest.param({}, PATH, {**LOCAL, "text": ""}, (400, "error"), id="local-model"),
        pytest.param(
            {}, PATH, {**LOCAL, "model_id": "nonesuch"}, (400, "error"), id="unknown-model"
        ),
        pytest.param({}, PATH, {**LOCAL, "language_code": "it"}, (400, "error"), id="language"),
        pytest.param(
            {"xi-api-key": "k"},
            "/v1/text-to-speech/nobody",
            {"text": "Hello."},
            (404, "detail"),
            id="voice",
        ),
        pytest.param({}, f"{PATH}/stream", {**LOCAL, "text": ""}, (422, "detail"), id="stream"),
    ],
)
async def test_the_dialect_decides_the_error(
    client: httpx2.AsyncClient,
    headers: dict[str, str],
    path: str,
    body: dict[str, object],
    expected: tuple[int, str],
) -> None:
    response = await client.post(path, json=body, headers=headers)
    assert (response.status_code, *response.json()) == expected


async def test_localais_errors_name_its_fields(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json={**LOCAL, "language_code": "it"})
    assert response.json()["error"]["param"] == "language_code"


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
async def test_a_body_that_cannot_be_read_is_elevenlabs(
    client: httpx2.AsyncClient, content: bytes
) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post(PATH, content=content, headers=headers)
    assert (response.status_code, list(response.json())) == (422, ["detail"])
