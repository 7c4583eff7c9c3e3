import httpx2
import pytest


@pytest.mark.parametrize("slashes", ["/", "//"])
async def test_a_slash_at_the_end_costs_no_redirect(
    slashes: str, client: httpx2.AsyncClient
) -> None:
    for path in ("/v1/sound-generation", "/localai/v1/sound-generation"):
        body = {"model_id": "starter", "text": "rain", "duration_seconds": 1}
        response = await client.post(path + slashes, json=body, follow_redirects=False)
        assert response.status_code == 200
    for path in ("/v1/models", "/elevenlabs/v1/models", "/v1/models/starter"):
        assert (await client.get(path + slashes)).status_code == 200


@pytest.mark.parametrize("path", ["/nonesuch/", "/elevenlabs/", "/v1/", "/v1/nonesuch/"])
async def test_what_is_not_there_without_a_slash_is_not_there_with_one(
    path: str, client: httpx2.AsyncClient
) -> None:
    assert (await client.get(path)).status_code == 404
