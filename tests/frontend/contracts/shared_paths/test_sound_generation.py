import httpx2
import pytest

from tests.conftest import ClientFactory, make_settings
from tests.fakes import FakeGateway

PATH = "/v1/sound-generation"
LOCAL = {"text": "rain", "model_id": "sound-model"}


@pytest.mark.parametrize(
    ("headers", "body", "media_type"),
    [
        pytest.param({}, {"text": "rain"}, "audio/mpeg", id="bare"),
        pytest.param({"xi-api-key": "k"}, LOCAL, "audio/mpeg", id="key"),
        pytest.param({}, LOCAL, "audio/wav", id="local-model"),
        pytest.param({"xi-api-key": "k"}, {**LOCAL, "bpm": 90}, "audio/wav", id="localai-field"),
        pytest.param({"authorization": "Bearer k"}, LOCAL, "audio/wav", id="authorization"),
    ],
)
async def test_the_dialect_decides_the_default_format(
    headers: dict[str, str], body: dict[str, object], media_type: str, client: httpx2.AsyncClient
) -> None:
    response = await client.post(PATH, json=body, headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    is_attached = response.headers["content-disposition"].startswith("attachment;")
    assert is_attached == (media_type == "audio/wav")
    assert ("request-id" in response.headers) == (media_type == "audio/mpeg")


@pytest.mark.parametrize(
    ("headers", "body", "status", "key"),
    [
        pytest.param({}, {"text": ""}, 422, "detail", id="bare"),
        pytest.param({}, {**LOCAL, "text": ""}, 400, "error", id="local-model"),
        pytest.param({}, {**LOCAL, "model_id": "nonesuch"}, 400, "error", id="unknown-local-model"),
        pytest.param({}, {"text": "rain", "bpm": 90}, 400, "error", id="localai-without-a-model"),
        pytest.param(
            {"authorization": "Bearer k"},
            {"text": "rain"},
            400,
            "error",
            id="bearer-without-a-model",
        ),
        pytest.param(
            {"xi-api-key": "k"}, {**LOCAL, "model_id": "nonesuch"}, 400, "detail", id="key"
        ),
    ],
)
async def test_the_dialect_decides_the_error(
    headers: dict[str, str],
    body: dict[str, object],
    status: int,
    key: str,
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post(PATH, json=body, headers=headers)
    assert response.status_code == status
    assert list(response.json()) == [key]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"[" * 100_000, b'{"text": "\xff"}'])
@pytest.mark.parametrize(
    ("headers", "status", "key"),
    [({}, 422, "detail"), ({"authorization": "Bearer k"}, 400, "error")],
    ids=["bare", "bearer"],
)
async def test_the_headers_decide_for_bodies_that_cannot_be_read(
    raw: bytes, headers: dict[str, str], status: int, key: str, client: httpx2.AsyncClient
) -> None:
    response = await client.post(
        PATH, content=raw, headers={**headers, "content-type": "application/json"}
    )
    assert response.status_code == status
    assert list(response.json()) == [key]


async def test_strictness_refuses_the_bare_request_as_localai_does(
    client_of: ClientFactory, gateway: FakeGateway
) -> None:
    async with client_of(gateway, make_settings(strict_sound_generation=True)) as client:
        response = await client.post(PATH, json={"text": "rain"})
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "model_id"
        with_key = await client.post(PATH, json={"text": "rain"}, headers={"xi-api-key": "k"})
        assert with_key.status_code == 200
        own_path = await client.post(f"/elevenlabs{PATH}", json={"text": "rain"})
        assert own_path.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer k"}, {"xi-api-key": "k"}])
async def test_a_prefix_leaves_nothing_to_decide(
    headers: dict[str, str], client: httpx2.AsyncClient
) -> None:
    elevenlabs = await client.post(
        f"/elevenlabs{PATH}", json={**LOCAL, "lyrics": "la"}, headers=headers
    )
    assert elevenlabs.headers["content-type"] == "audio/mpeg"
    assert elevenlabs.headers["x-tritone-note"] == "left out: lyrics"
    localai = await client.post(f"/localai{PATH}?output_format=", json=LOCAL, headers=headers)
    assert localai.headers["content-type"] == "audio/wav"
