import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.contracts.musicgpt.conversions import swap_id, webhook_body
from frontend.contracts.musicgpt.routes import SUBMIT_PATHS
from frontend.errors import GenerationFailed
from frontend.sounds.request import GenerationRequest
from tests.frontend.contracts.workbench import Workbench

SUBMIT = "/api/public/v1/sound_generator"
BY_ID, BY_USER = "/api/public/v1/byId", "/api/public/v1/byUser"
RAIN = {"prompt": "rain", "audio_length": 2}


async def _submit(bench: Workbench, **changes: object) -> dict[str, object]:
    response = await bench.client.post(SUBMIT, json=RAIN | changes)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def _by_id(bench: Workbench, **query: object) -> httpx2.Response:
    params = {"conversionType": "SOUND_GENERATOR", **query}
    return await bench.client.get(BY_ID, params=params)  # type: ignore[arg-type]


async def test_every_documented_path_answers_as_the_sample(bench: Workbench) -> None:
    # The two printed requests, as printed.
    payloads = [
        {
            "prompt": "Generate a soothing ambient soundscape.",
            "webhook_url": "http://your-webhook-url.com/callback",
        },
        {
            "prompt": "sound of an ancient temple door creaking open",
            "webhook_url": "https://abcd.requestcatcher.com/",
        },
    ]
    paths = [prefix + path for prefix in ("", "/musicgpt") for path in SUBMIT_PATHS]
    for path, payload in itertools.product(paths, payloads):
        response = await bench.client.post(
            path,
            content=json.dumps(payload),
            headers={"authorization": "<api_key>", "content-type": "application/json"},
        )
        assert response.status_code == 200
        answer = response.json()
        assert set(answer) == {
            *("success", "task_id", "conversion_id", "eta", "credit_estimate"),
            *("message", "status"),
        }
        assert (answer["success"], answer["status"]) == (True, "IN_QUEUE")
        assert type(answer["eta"]) is int
        assert answer["eta"] >= 1
        assert answer["credit_estimate"] == 0.99
        assert uuid.UUID(answer["task_id"]).version == 4
        assert answer["conversion_id"] != answer["task_id"]


@pytest.mark.parametrize(
    "encoding",
    [
        pytest.param({"data": {"prompt": "rain 🌧", "audio_length": "2"}}, id="urlencoded"),
        pytest.param(
            {"files": {"prompt": (None, "rain 🌧"), "audio_length": (None, "2")}}, id="multipart"
        ),
        pytest.param(
            {
                "files": {
                    "prompt": (None, "rain 🌧"),
                    "audio_length": (None, "2"),
                    "webhook_url": (None, ""),
                    "attachment": ("a.bin", b"\0\1\2"),
                }
            },
            id="multipart-with-a-file",
        ),
        pytest.param({"json": {"prompt": "rain 🌧", "audio_length": 2}}, id="json"),
        pytest.param({"data": {"prompt": "rain 🌧", "audio_length": "2.0"}}, id="a-float"),
        pytest.param(
            {"json": {"prompt": "rain 🌧", "audio_length": 2.0, "webhook_url": ""}}, id="empty-url"
        ),
    ],
)
async def test_every_encoding_asks_for_the_same(
    encoding: dict[str, object], bench: Workbench
) -> None:
    response = await bench.client.post(SUBMIT, **encoding)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    job = await bench.system.service.get(response.json()["task_id"], None)
    assert job.request.text == "rain 🌧"
    assert isinstance(job.request.wanted, GenerationRequest)
    assert job.request.wanted.seconds == 2.0
    assert job.request.webhook_url is None


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b'{"prompt": NaN}', 400),
        ("application/json", b"", 422),
        ("application/json", b"[]", 422),
        ("text/plain", b'{"prompt": "rain"}', 422),
        ("application/x-www-form-urlencoded", b"prompt=%20", 422),
        ("application/x-www-form-urlencoded", b"prompt=rain&audio_length=1.5", 422),
        ("application/x-www-form-urlencoded", b"prompt=\xff", 400),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 51), 422),
        ("multipart/form-data", b"--x", 400),
        ("multipart/form-data; boundary=x", b"nonsense", 400),
        ("multipart/form-data; boundary=x; charset=undefined", b"nonsense", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 422),
    ],
)
async def test_a_body_that_is_none_is_refused_in_the_contracts_words(
    content_type: str, body: bytes, status: int, bench: Workbench
) -> None:
    response = await bench.client.post(SUBMIT, content=body, headers={"content-type": content_type})
    assert response.status_code == status, response.text
    error = response.json()
    assert set(error) == {"success", "message", "detail"}
    assert (error["success"], error["detail"]) == (False, error["message"])


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": None},
        {"prompt": ""},
        {"prompt": "rain" * 1000},
        {"audio_length": 0},
        {"audio_length": "2"},
        {"audio_length": 10**6},
        {"webhook_url": "ftp://example.com/"},
        {"webhook_url": "http://169.254.169.254/latest"},
        {"webhook_url": "nonsense"},
        {"user_id": "u" * 2000},
    ],
)
async def test_a_bad_field_is_a_422(changes: dict[str, object], bench: Workbench) -> None:
    response = await bench.client.post(SUBMIT, json=RAIN | changes)
    assert response.status_code == 422
    assert response.json()["success"] is False


async def test_a_sound_is_found_by_either_id_from_the_queue_to_both_files(
    bench: Workbench,
) -> None:
    accepted = await _submit(bench, user_id="u1")
    task_id, conversion_id = str(accepted["task_id"]), str(accepted["conversion_id"])
    waiting = (await _by_id(bench, task_id=task_id)).json()
    assert set(waiting) == {"success", "conversion"}
    assert waiting["conversion"]["status"] == "IN_QUEUE"
    assert waiting["conversion"]["audio_url"] is None
    await bench.work_off(task_id)
    for query in (
        {"task_id": task_id},
        {"conversion_id": conversion_id},
        {"task_id": task_id, "conversion_id": conversion_id},
    ):
        found = (await _by_id(bench, **query)).json()["conversion"]
        assert (found["task_id"], found["conversion_id"]) == (task_id, conversion_id)
        assert found["status"] == "COMPLETED"
        assert found["conversion_duration"] == 2.0
        assert found["conversion_cost"] == accepted["credit_estimate"] == 0.4
    mp3, wav = [await bench.get(found[f"conversion_path{kind}"]) for kind in ("", "_wav")]
    assert mp3.headers["content-type"] == "audio/mpeg"
    assert wav.content.startswith(b"RIFF")
    assert found["audio_url"] == found["conversion_path"]
    assert datetime.fromisoformat(found["createdAt"]) <= datetime.fromisoformat(found["updatedAt"])


async def test_the_webhooks_body_has_every_printed_key(bench: Workbench) -> None:
    task_id = str((await _submit(bench))["task_id"])
    await bench.work_off(task_id)
    job = await bench.system.service.get(task_id, None)
    assert job.result is not None
    urls = {file.key: f"https://files/{file.format}" for file in job.result.files}
    body = webhook_body(job, urls)
    conversion_id = swap_id(task_id)
    printed = {
        "success": True,
        "conversion_type": "Sound Creator",
        "task_id": task_id,
        "conversion_id": conversion_id,
        "conversion_path": "https://files/mp3",
        "conversion_path_wav": "https://files/wav",
        "conversion_duration": 2.0,
        "message": "Audio Generation Completed Successfully",
        "conversion_paths": {conversion_id: "https://files/mp3"},
        "conversion_paths_wav": {conversion_id: "https://files/wav"},
        "conversion_durations": {conversion_id: 2.0},
    }
    assert body.items() >= printed.items()
    general = {
        *("status", "status_msg", "audio_url", "title", "conversion_cost"),
        *("createdAt", "updatedAt"),
    }
    assert general <= body.keys()
    assert len(json.dumps(body)) < 20_000


async def test_a_failure_is_told_in_the_lookup_and_in_the_webhook(bench: Workbench) -> None:
    accepted = await _submit(bench, webhook_url="http://example.com/hook")
    bench.gateway.error = GenerationFailed("The sound could not be made.")
    await bench.work_off(str(accepted["task_id"]))
    found = (await _by_id(bench, task_id=accepted["task_id"])).json()["conversion"]
    assert (found["status"], found["status_msg"]) == ("FAILED", "The sound could not be made.")
    (delivery,) = await bench.system.service.deliveries(str(accepted["task_id"]), None)
    body = json.loads(delivery.body)
    assert (body["success"], body["status"], body["conversion_paths"]) == (False, "FAILED", {})


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"task_id": ""}, 422),
        ({"conversionType": "", "task_id": "x"}, 422),
        ({"task_id": "nonesuch"}, 404),
        ({"task_id": str(uuid.UUID(int=7))}, 404),
        ({"conversion_id": "nonesuch"}, 404),
        ({"conversion_id": str(uuid.UUID(int=7)), "task_id": str(uuid.UUID(int=7))}, 404),
    ],
)
async def test_a_lookup_that_finds_nothing(
    query: dict[str, str], status: int, bench: Workbench
) -> None:
    assert (await _by_id(bench, **query)).status_code == status


async def test_a_users_sounds_come_page_by_page(bench: Workbench) -> None:
    ids = [(await _submit(bench, user_id=user))["task_id"] for user in ("u1", "u1", "u2", "u1")]
    ones = [ids[3], ids[1], ids[0]]
    seen: list[object] = []
    key = None
    for _ in range(2):
        query = {"conversionType": "SOUND_GENERATOR", "user_id": "u1", "limit": "2"}
        query |= {} if key is None else {"LastEvaluatedKey": key}
        page = (await bench.client.get(BY_USER, params=query)).json()
        assert page["success"] is True
        seen += [each["task_id"] for each in page["conversions"]]
        key = page["LastEvaluatedKey"]
    assert (seen, key) == (ones, None)
    oldest = await bench.client.get(BY_USER, params={"sortOrder": "asc", "limit": 1})
    assert oldest.json()["conversions"][0]["task_id"] == ids[0]


@pytest.mark.parametrize(
    ("start", "end", "n_found"),
    [(0, 0, 1), (-1, 0, 1), (-2, -1, 0), (1, 2, 0)],
)
async def test_a_day_is_a_whole_day(start: int, end: int, n_found: int, bench: Workbench) -> None:
    await _submit(bench)
    today = datetime.now(UTC).date()
    query = {
        "startDate": str(today + timedelta(days=start)),
        "endDate": str(today + timedelta(days=end)),
    }
    page = (await bench.client.get(BY_USER, params=query)).json()
    assert len(page["conversions"]) == n_found


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"sortOrder": "up"},
        {"startDate": "yesterday"},
        {"LastEvaluatedKey": "nonesuch"},
    ],
)
async def test_a_bad_list_query_is_a_422(query: dict[str, str], bench: Workbench) -> None:
    response = await bench.client.get(BY_USER, params=query)
    assert response.status_code == 422
    assert next(iter(query)) in response.json()["message"] or "cursor" in response.json()["message"]


@pytest.mark.parametrize("query", [{"conversionType": "MUSIC_AI"}, {"endDate": "9999-12-31"}])
async def test_odd_list_queries_find_what_there_is(query: dict[str, str], bench: Workbench) -> None:
    page = await bench.client.get(BY_USER, params=query)
    assert page.json() == {"success": True, "conversions": [], "LastEvaluatedKey": None}


@pytest.mark.parametrize("path", ["/api/public/v1/", "/api/public/v1", "/musicgpt/api/public/v1/"])
async def test_the_key_can_be_tested(path: str, client: httpx2.AsyncClient) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["success"]) == (200, True)


@given(st.uuids(version=4))
def test_the_two_ids_are_each_others(one: uuid.UUID) -> None:
    other = swap_id(str(one))
    assert other != str(one)
    assert uuid.UUID(other).version == 4
    assert uuid.UUID(other).variant == one.variant
    assert swap_id(other) == str(one)
