"""A key that was accepted is answered with its first outcome, whatever is away or full by then."""

import httpx2
import pytest

from frontend.triton.gateway import Catalog
from tests.frontend.contracts.workbench import Workbench

KEY = {"idempotency-key": "k1"}
BODIES = {
    "/jobs": {"prompt": "rain", "seconds": 1},
    "/v2/generate/audio": {"model": "stable-audio", "prompt": "rain"},
    "/sound_generator": {"prompt": "rain"},
}
IDS = {"/jobs": "id", "/v2/generate/audio": "generation_id", "/sound_generator": "task_id"}


@pytest.mark.parametrize("path", BODIES)
async def test_a_repeated_request_needs_no_model(bench: Workbench, path: str) -> None:
    first = await bench.client.post(path, json=BODIES[path], headers=KEY)
    bench.gateway.catalog = Catalog(cards=())
    again = await bench.client.post(path, json=BODIES[path], headers=KEY)
    assert first.is_success
    assert again.status_code == first.status_code
    assert again.json()[IDS[path]] == first.json()[IDS[path]]
    fresh = await bench.client.post(path, json=BODIES[path], headers={"idempotency-key": "k2"})
    assert fresh.status_code == 503


async def test_a_repeated_request_needs_no_room(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await bench.client.post("/jobs", json=BODIES["/jobs"], headers=KEY)
    monkeypatch.setattr(bench.system.service.load, "_max_queued", 1)
    assert (await bench.client.post("/jobs", json=BODIES["/jobs"])).status_code == 429
    again = await bench.client.post("/jobs", json=BODIES["/jobs"], headers=KEY)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


async def test_what_was_refused_leaves_no_trace_of_its_key(bench: Workbench) -> None:
    served, bench.gateway.catalog = bench.gateway.catalog, Catalog(cards=())
    assert (await bench.client.post("/jobs", json=BODIES["/jobs"], headers=KEY)).status_code == 503
    bench.gateway.catalog = served
    assert (await bench.client.post("/jobs", json=BODIES["/jobs"], headers=KEY)).status_code == 202


async def test_the_order_of_fields_and_defaults_make_no_other_request(bench: Workbench) -> None:
    first = await bench.client.post("/jobs", json=BODIES["/jobs"], headers=KEY)
    again = await bench.client.post(
        "/jobs", json={"seconds": 1, "loop": False, "prompt": "rain"}, headers=KEY
    )
    assert again.json()["id"] == first.json()["id"]
    other = await bench.client.post("/jobs", json={"prompt": "wind"}, headers=KEY)
    assert other.status_code == 400
    assert other.json()["error"]["param"] == "Idempotency-Key"


async def test_a_key_is_its_contracts_own(bench: Workbench) -> None:
    await bench.client.post("/jobs", json={"prompt": "rain"}, headers=KEY)
    other = await bench.client.post("/sound_generator", json={"prompt": "rain"}, headers=KEY)
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/audio/generate", {"input": "rain"}, 400),
        ("/elevenlabs/v1/sound-generation", {"text": "rain"}, 422),
        ("/localai/v1/sound-generation", {"model_id": "sound-model", "text": "rain"}, 400),
        ("/v1/music", {"prompt": "rain", "music_length_ms": 3000}, 422),
    ],
)
async def test_where_nothing_is_kept_the_header_is_refused(
    client: httpx2.AsyncClient, path: str, body: dict[str, object], status: int
) -> None:
    assert (await client.post(path, json=body)).status_code == 200
    refused = await client.post(path, json=body, headers=KEY)
    assert refused.status_code == status
    assert "keeps no answers" in refused.text
