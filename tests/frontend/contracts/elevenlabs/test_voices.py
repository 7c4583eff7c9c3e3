"""ElevenLabs' voices: lists, pages, search, one voice, settings, and what cannot be added."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from frontend.triton.gateway import Catalog
from tests.conftest import ClientFactory
from tests.fakes import FakeGateway
from tritone.voices import ELEVENLABS_VOICES

RACHEL = "21m00Tcm4TlvDq8ikWAM"
ALL = ["anna", "marie", *ELEVENLABS_VOICES]


async def _search(client: httpx2.AsyncClient, query: str = "") -> dict[str, Any]:
    response = await client.get(f"/v2/voices{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def _ids(found: dict[str, Any]) -> list[str]:
    return [voice["voice_id"] for voice in found["voices"]]


@pytest.mark.parametrize("path", ["/v1/voices", "/v1/voices?show_legacy=true"])
async def test_installed_and_premade_voices_are_listed(
    client: httpx2.AsyncClient, path: str
) -> None:
    voices = (await client.get(path)).json()["voices"]
    assert [voice["voice_id"] for voice in voices] == ALL
    by_name = {voice["name"]: voice for voice in voices}
    assert by_name["Rachel"]["voice_id"] == RACHEL
    assert by_name["Rachel"]["description"].endswith("Spoken by Anna.")
    assert by_name["Anna"]["labels"]["language"] == "en-US"
    assert by_name["Marie"]["high_quality_base_model_ids"] == ["talker"]


async def test_without_a_voice_the_lists_are_empty(client_of: ClientFactory) -> None:
    async with client_of(FakeGateway(Catalog())) as client:
        assert (await client.get("/v1/voices")).json() == {"voices": []}
        page = await _search(client)
    assert page == {"voices": [], "has_more": False, "total_count": 0, "next_page_token": None}


async def test_a_premade_voice_without_one_that_speaks_its_language_is_not_listed(
    client_of: ClientFactory, gateway: FakeGateway
) -> None:
    (talker,) = gateway.catalog.speech_cards
    french = replace(talker, voices=talker.voices[1:], default_voice="marie")
    async with client_of(FakeGateway(Catalog(speech_cards=(french,)))) as client:
        assert _ids(await _search(client, "?page_size=100")) == ["marie"]


async def test_the_pages_put_together_are_everything(client: httpx2.AsyncClient) -> None:
    found, query = [], "?page_size=7"
    while True:
        page = await _search(client, query)
        assert page["total_count"] == len(ALL)
        found += _ids(page)
        assert page["has_more"] is (page["next_page_token"] is not None)
        if not page["has_more"]:
            break
        assert len(page["voices"]) == 7
        query = f"?page_size=7&next_page_token={page['next_page_token']}"
    assert found == ALL


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?search=rachel", [RACHEL]),
        ("?search=FR-fr", ["marie"]),
        ("?search=nobody", []),
        (f"?voice_ids={RACHEL}&voice_ids=marie", ["marie", RACHEL]),
        ("?voice_ids=marie", ["marie"]),
        ("?category=cloned", []),
        ("?category=premade&search=anna&voice_ids=anna", ["anna"]),
        ("?voice_type=community", []),
        ("?voice_type=default&voice_ids=anna", ["anna"]),
        ("?sort=name&page_size=1", ["XB0fDUnXU5powFXDhCwa"]),
        ("?search=&category=&sort=&next_page_token=&voice_ids=anna", ["anna"]),
    ],
)
async def test_a_search(client: httpx2.AsyncClient, query: str, expected: list[str]) -> None:
    found = await _search(client, query)
    if query.startswith("?sort"):
        names = [voice["name"] for voice in (await _search(client, "?page_size=100"))["voices"]]
        assert found["voices"][0]["name"] == min(names, key=str.lower)
    else:
        assert _ids(found) == expected


async def test_a_sort_may_go_down(client: httpx2.AsyncClient) -> None:
    found = await _search(client, "?sort=name&sort_direction=desc&page_size=100")
    names = [voice["name"].lower() for voice in found["voices"]]
    assert names == sorted(names, reverse=True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?page_size=0", "page_size"),
        ("?page_size=101", "page_size"),
        ("?page_size=a", "page_size"),
        ("?next_page_token=-1", "next_page_token"),
        ("?next_page_token=" + "9" * 30, "next_page_token"),
        ("?sort=length", "sort"),
        ("?" + "&".join(f"voice_ids={k}" for k in range(101)), "voice_ids"),
    ],
)
async def test_a_bad_search_is_refused(client: httpx2.AsyncClient, query: str, field: str) -> None:
    response = await client.get(f"/v2/voices{query}")
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][-1] == field


@pytest.mark.parametrize(("voice_id", "name"), [("anna", "Anna"), (RACHEL, "Rachel")])
async def test_one_voice_and_its_settings(
    client: httpx2.AsyncClient, voice_id: str, name: str
) -> None:
    voice = (await client.get(f"/v1/voices/{voice_id}")).json()
    assert (voice["voice_id"], voice["name"]) == (voice_id, name)
    settings = (await client.get(f"/v1/voices/{voice_id}/settings")).json()
    default = (await client.get("/v1/voices/settings/default")).json()
    assert voice["settings"] == settings == default
    assert settings["speed"] == 1.0


@pytest.mark.parametrize("path", ["/v1/voices/nobody", "/v1/voices/nobody/settings"])
async def test_an_unknown_voice_is_not_found(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.get(path)
    detail = response.json()["detail"]
    assert (response.status_code, detail["code"]) == (404, "voice_not_found")
    assert detail["param"] == "voice_id"


async def test_no_voice_is_cloned(client: httpx2.AsyncClient) -> None:
    response = await client.post(
        "/v1/voices/add", data={"name": "me"}, files={"files": ("me.wav", b"RIFF")}
    )
    assert (response.status_code, response.json()["detail"]["code"]) == (400, "bad_request")
