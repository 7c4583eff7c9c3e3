import re
import uuid
from dataclasses import replace

import httpx2
import pytest

from frontend.contracts.aimlapi.routes import AudioBody, to_order
from frontend.errors import GenerationFailed
from frontend.sounds.request import GenerationRequest
from tests.fakes import FakeGateway
from tests.frontend.contracts.workbench import Workbench
from tritone.card import ModelCard

PATH = "/v2/generate/audio"
BODY = {"model": "stable-audio", "prompt": "rain", "seconds_total": 2}


async def _submit(bench: Workbench, **changes: object) -> str:
    response = await bench.client.post(PATH, json=BODY | changes)
    assert response.status_code == 201, response.text
    return str(response.json()["generation_id"])


async def _fetch(bench: Workbench, generation_id: str) -> dict[str, object]:
    response = await bench.client.get(PATH, params={"generation_id": generation_id})
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_the_printed_request_is_accepted_as_printed(bench: Workbench) -> None:
    body = (
        '{"model":"stable-audio","prompt":"lo-fi pop hip-hop ambient music",'
        '"steps":100,"seconds_total":10}'
    )
    headers = {"authorization": "Bearer <YOUR_API_KEY>", "content-type": "application/json"}
    response = await bench.client.post(PATH, content=body, headers=headers)
    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"id", "generation_id", "status"}
    assert answer["id"] == answer["generation_id"]
    assert answer["status"] == "queued"
    own, _, model = answer["id"].partition(":")
    assert (str(uuid.UUID(own)), model) == (own, "stable-audio")


async def test_the_reference_request_is_accepted_as_printed(bench: Workbench) -> None:
    body = '{"prompt":"text","model":"stable-audio","seconds_total":30,"steps":100}'
    response = await bench.client.post(
        PATH, content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 201


async def test_a_generation_is_queued_then_completed_with_a_file(bench: Workbench) -> None:
    generation_id = await _submit(bench, steps=10)
    waiting = await _fetch(bench, generation_id)
    nothing = {"audio_file": None, "error": None, "meta": None}
    assert waiting == {"id": generation_id, "status": "queued", **nothing}
    await bench.work_off(generation_id.partition(":")[0])
    done = await _fetch(bench, generation_id)
    assert (done["status"], done["error"]) == ("completed", None)
    assert done["meta"] == {"usage": {"credits_used": 2520}}
    file = done["audio_file"]
    assert isinstance(file, dict)
    assert file["content_type"] == "audio/wav"
    assert file["file_name"].endswith(".wav")
    audio = await bench.get(file["url"])
    assert audio.content.startswith(b"RIFF")
    assert len(audio.content) == file["file_size"] == 2 * 16_000 * 2 + 44


async def test_a_failed_generation_says_why(bench: Workbench) -> None:
    generation_id = await _submit(bench)
    bench.gateway.error = GenerationFailed("The sound could not be made.")
    await bench.work_off(generation_id.partition(":")[0])
    done = await _fetch(bench, generation_id)
    assert done["status"] == "error"
    assert done["error"] == {"name": "GenerationFailed", "message": "The sound could not be made."}


async def test_a_cancelled_generation_is_an_error_to_their_clients(bench: Workbench) -> None:
    generation_id = await _submit(bench)
    job_id = generation_id.partition(":")[0]
    await bench.client.delete(f"/jobs/{job_id}")
    done = await _fetch(bench, generation_id)
    assert done["status"] == "error"
    assert done["error"] == {"name": "Cancelled", "message": "The generation was cancelled."}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ...),
        ("model", "nonesuch"),
        ("prompt", ...),
        ("prompt", "rain" * 1000),
        ("seconds_start", -1),
        ("seconds_start", 48),
        ("seconds_total", 0),
        ("seconds_total", 48),
        ("steps", 0),
        ("steps", 1001),
        ("steps", 10.5),
    ],
)
async def test_a_bad_field_is_a_400_that_names_it(
    field: str, value: object, client: httpx2.AsyncClient, gateway: FakeGateway, bench: Workbench
) -> None:
    body = {name: each for name, each in {**BODY, field: value}.items() if each is not ...}
    response = await bench.client.post(PATH, json=body, headers={"x-request-id": "r1"})
    assert response.status_code == 400
    error = response.json()
    assert set(error) == {"message", "path", "requestId", "statusCode", "timestamp"}
    assert (error["path"], error["requestId"], error["statusCode"]) == (PATH, "r1", 400)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", error["timestamp"])
    if value != "nonesuch" and "rain" not in str(value):
        assert field in error["message"]


async def test_numbers_may_be_written_as_numbers_and_absent_ones_as_null(bench: Workbench) -> None:
    generation_id = await _submit(bench, steps=10.0, seconds_total=1.0, seconds_start=None)
    await bench.work_off(generation_id.partition(":")[0])
    assert bench.gateway.passes[0].steps == 10


@pytest.mark.parametrize(
    ("start", "total", "expected"),
    [
        (None, None, (0.0, 30.0)),
        (2, 5, (2.0, 5.0)),
        (47, 5, (5.0, 5.0)),  # as late as the window of 10 s allows
        (47, 47, (0.0, 47.0)),
    ],
)
def test_each_number_may_be_up_to_47_by_itself(
    start: float | None, total: float | None, expected: tuple[float, float], card: ModelCard
) -> None:
    body = AudioBody(model="m", prompt="rain", seconds_start=start, seconds_total=total)
    wanted = to_order(body, card).wanted
    assert isinstance(wanted, GenerationRequest)
    assert (wanted.seconds_start, wanted.seconds) == expected


def test_a_length_that_nobody_asked_for_is_one_that_the_model_makes(card: ModelCard) -> None:
    body = AudioBody(model="m", prompt="rain")
    wanted = to_order(body, replace(card, extendable=False)).wanted
    assert isinstance(wanted, GenerationRequest)
    assert wanted.seconds == card.window_seconds


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"generation_id": ""}, 404),
        ({"generation_id": "nonesuch"}, 404),
        ({"generation_id": f"{uuid.UUID(int=7)}:stable-audio"}, 404),
        ({"Audio.v2.PollGenerationPayloadDTO": "[object Object]"}, 400),
    ],
)
async def test_a_generation_that_is_not_there(
    query: dict[str, str], status: int, bench: Workbench
) -> None:
    response = await bench.client.get(PATH, params=query)
    assert response.status_code == status
    assert response.json()["statusCode"] == status


async def test_anothers_job_is_no_generation(bench: Workbench) -> None:
    response = await bench.client.post("/jobs", json={"prompt": "rain"})
    response = await bench.client.get(PATH, params={"generation_id": response.json()["id"]})
    assert response.status_code == 404


async def test_a_repeated_idempotency_key_gives_the_first_generation(bench: Workbench) -> None:
    key = {"idempotency-key": "k1"}
    first, again = [await bench.client.post(PATH, json=BODY, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    other = await bench.client.post(PATH, json=BODY | {"prompt": "wind"}, headers=key)
    assert other.status_code == 400
    assert "idempotency key" in other.json()["message"]


async def test_without_a_database_jobs_are_not_available(client: httpx2.AsyncClient) -> None:
    response = await client.post(PATH, json=BODY)
    assert response.status_code == 503
    assert "no database" in response.json()["message"]
    assert response.headers["retry-after"]
