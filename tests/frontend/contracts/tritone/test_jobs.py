import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import numpy as np
import pytest

from frontend.audio.encoders import encode
from frontend.audio.formats import FORMATS
from frontend.contracts.kit.idempotency import digest_body
from frontend.contracts.tritone.bodies import JobPage, JobView
from frontend.contracts.tritone.event_stream import encode_events
from frontend.contracts.tritone.orders import SoundJobBody
from frontend.errors import BackendUnavailable
from frontend.triton.gateway import Catalog
from tests.cards import TALKER
from tests.fakes import sine
from tests.frontend.contracts.workbench import Workbench
from tritone.turns import BACKGROUND, INTERACTIVE

RAIN = {"prompt": "rain", "seconds": 1}


async def _submit(bench: Workbench, **changes: object) -> str:
    response = await bench.client.post("/jobs", json=RAIN | changes)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def _checked(view: object) -> JobView:
    return JobView.model_validate(view, strict=True, extra="forbid")


async def test_a_job_goes_from_the_queue_to_its_files(bench: Workbench) -> None:
    job_id = await _submit(bench, formats=["mp3", "wav", "mp3"], seed=7, labels={"a": "b"})
    waiting = _checked((await bench.client.get(f"/jobs/{job_id}")).json())
    assert (waiting.status, waiting.position, waiting.contract) == ("queued", 0, "tritone")
    assert waiting.labels == {"a": "b"}
    await bench.work_off(job_id)
    done = _checked((await bench.client.get(f"/jobs/{job_id}")).json())
    assert (done.status, done.error) == ("completed", None)
    assert done.result is not None
    assert (done.result.seed, done.result.seconds) == (7, 1.0)
    assert [file.format for file in done.result.files] == ["mp3", "wav"]


async def test_a_job_says_what_was_asked_for(bench: Workbench) -> None:
    controls = {"bpm": 120.0, "instrumental": True, "lyrics": "la", "strength": 0.5}
    job_id = await _submit(
        bench, negative_prompt="hiss", steps=3.0, formats=["flac"], model="", controls=controls
    )
    for view in (
        (await bench.client.get(f"/jobs/{job_id}")).json(),
        (await bench.client.get("/jobs?status=&contract=&limit=&cursor=")).json()["jobs"][0],
    ):
        assert view["request"] == {
            **{"task": "sound", "prompt": "rain", "negative_prompt": "hiss"},
            **{"model": "starter", "seconds": 1.0},
            **{"seconds_start": 0.0, "steps": 3, "guidance_scale": None, "seed": None},
            **{"loop": False, "formats": ["flac"], "webhook_url": None},
            "controls": {"bpm": 120, "instrumental": True, "lyrics": "la", "strength": 0.5},
        }


SPEECH = {"task": "speech", "text": "One. Two words. Three more words."}


async def test_a_text_is_spoken_later(bench: Workbench) -> None:
    asked = {**SPEECH, "voice": "alloy", "language": "en", "speed": 1.5, "seed": 7}
    asked |= {"formats": ["mp3", "wav"], "labels": {"a": "b"}}
    response = await bench.client.post("/jobs", json=asked)
    assert response.status_code == 202, response.text
    waiting = _checked(response.json())
    assert waiting.request.model_dump() == {
        **{"task": "speech", "text": SPEECH["text"], "characters": 33, "model": None},
        **{"voice": "alloy", "language": "en", "speed": 1.5, "seed": 7},
        **{"formats": ["mp3", "wav"], "webhook_url": None},
    }
    await bench.work_off(waiting.id)
    done = _checked((await bench.client.get(f"/jobs/{waiting.id}")).json())
    assert (done.status, done.error, done.labels) == ("completed", None, {"a": "b"})
    assert done.result is not None
    assert (done.result.seed, done.result.voice, done.result.steps) == (7, "anna", None)
    assert done.result.notes == ["voice anna stands in for alloy"]
    (passed,) = bench.gateway.speech_passes
    assert (passed.text, passed.speed, passed.seed) == (SPEECH["text"], 1.5, 7)
    (options,) = bench.gateway.options
    assert options.priority == BACKGROUND


async def test_a_spoken_file_says_its_length_and_holds_every_sentence(bench: Workbench) -> None:
    body = SPEECH | {"formats": list(FORMATS)}
    job_id = (await bench.client.post("/jobs", json=body)).json()["id"]
    await bench.work_off(job_id)
    done = _checked((await bench.client.get(f"/jobs/{job_id}")).json())
    assert done.result is not None
    spoken = [sine(TALKER, len(part) * 1200) for part in SPEECH["text"].split(".") if part]
    pcm = np.concatenate(spoken, axis=1)
    assert done.result.seconds == pcm.shape[1] / TALKER.sample_rate
    for file in done.result.files:
        content = (await bench.get(file.url)).content
        assert file.file_name == f"{job_id}.{FORMATS[file.format].extension}"
        assert len(content) == file.file_size
        assert content == encode(pcm, TALKER.sample_rate, FORMATS[file.format]), file.format


async def test_a_long_text_is_shown_by_its_begin(bench: Workbench) -> None:
    text = "A sentence. " * 8000
    patient = replace(TALKER, max_characters=len(text))
    bench.gateway.catalog = replace(bench.gateway.catalog, speech_cards=(patient,))
    view = (await bench.client.post("/jobs", json=SPEECH | {"text": text})).json()
    assert (view["request"]["text"], view["request"]["characters"]) == (text[:1000], len(text))
    stored = await bench.system.store.get(view["id"], None)
    assert stored.request.text == text


async def test_speech_that_is_repeated_is_one_job(bench: Workbench) -> None:
    key = {"Idempotency-Key": "one"}
    first = await bench.client.post("/jobs", json=SPEECH, headers=key)
    again = await bench.client.post("/jobs", json=SPEECH, headers=key)
    assert first.json()["id"] == again.json()["id"]
    other = await bench.client.post("/jobs", json=SPEECH | {"speed": 2}, headers=key)
    assert (other.status_code, other.json()["error"]["param"]) == (400, "Idempotency-Key")


async def test_the_task_is_no_part_of_what_tells_sounds_apart() -> None:
    named = SoundJobBody.model_validate(RAIN | {"task": "sound"})
    assert digest_body("tritone", named) == digest_body(
        "tritone", SoundJobBody.model_validate(RAIN)
    )
    assert "task" not in named.model_dump()


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"text": " "}, 400, "text"),
        ({"text": "x" * (TALKER.max_characters + 1)}, 400, "text"),
        ({"task": "song"}, 400, "task"),
        ({"voice": "nobody"}, 400, "voice"),
        ({"language": "tlh"}, 400, "language"),
        ({"speed": 9}, 400, "speed"),
        ({"model": "starter"}, 404, "model"),
        ({"formats": ["midi"]}, 400, "formats"),
    ],
)
async def test_what_cannot_be_spoken_is_no_job(
    changes: dict[str, object], status: int, field: str, bench: Workbench
) -> None:
    response = await bench.client.post("/jobs", json=SPEECH | changes)
    assert (response.status_code, response.json()["error"]["param"]) == (status, field)
    assert (await bench.client.get("/jobs")).json()["jobs"] == []


async def test_a_text_is_accepted_while_its_model_is_away(bench: Workbench) -> None:
    here = bench.gateway.catalog
    bench.gateway.catalog = Catalog(away=frozenset({TALKER.name}), missed=(TALKER,))
    job_id = (await bench.client.post("/jobs", json=SPEECH)).json()["id"]
    bench.gateway.catalog = here
    await bench.work_off(job_id)
    assert (await bench.client.get(f"/jobs/{job_id}")).json()["status"] == "completed"


async def test_the_id_of_another_contract_works_here(bench: Workbench) -> None:
    body = {"model": "stable-audio", "prompt": "rain"}
    other = (await bench.client.post("/v2/generate/audio", json=body)).json()["id"]
    found = (await bench.client.get(f"/jobs/{other}")).json()
    assert found["id"] == other.partition(":")[0]


async def test_unknown_fields_are_named_in_a_note(bench: Workbench) -> None:
    for path, body in (
        ("/jobs", RAIN),
        ("/v2/generate/audio", {"model": "stable-audio", "prompt": "x"}),
        ("/sound_generator", {"prompt": "x"}),
    ):
        response = await bench.client.post(path, json=body | {"n": 2})
        assert response.is_success
        assert response.headers["x-tritone-note"] == "n ignored"


async def test_a_length_that_cannot_be_made_is_no_job(bench: Workbench) -> None:
    response = await bench.client.post("/jobs", json=RAIN | {"seconds": 1e-9})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "seconds")


async def test_a_job_lets_those_who_wait_go_first(bench: Workbench) -> None:
    await bench.work_off(await _submit(bench))
    await bench.client.post("/v1/audio/generate", json={"input": "rain"})
    assert [call.priority for call in bench.gateway.options] == [BACKGROUND, INTERACTIVE]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/jobs", RAIN, id="ours"),
        pytest.param("/v2/generate/audio", {"model": "stable-audio", "prompt": "x"}, id="aimlapi"),
        pytest.param("/sound_generator", {"prompt": "x"}, id="musicgpt"),
    ],
)
async def test_a_job_is_accepted_while_its_model_is_away_and_made_when_it_is_back(
    bench: Workbench, path: str, body: dict[str, object]
) -> None:
    here = bench.gateway.catalog
    name = here.cards[0].name
    bench.gateway.catalog = Catalog(away=frozenset({name}), missed=here.cards)
    refused = await bench.client.post("/v1/audio/generate", json={"input": "rain"})
    assert refused.status_code == 503
    accepted = await bench.client.post(path, json=body)
    assert accepted.is_success, accepted.text
    (job,) = (await bench.client.get("/jobs")).json()["jobs"]
    bench.gateway.catalog = here
    await bench.work_off(job["id"])
    assert (await bench.client.get(f"/jobs/{job['id']}")).json()["status"] == "completed"


async def test_a_model_that_was_never_seen_is_not_promised(bench: Workbench) -> None:
    bench.gateway.catalog = Catalog(away=frozenset({"starter"}))
    assert (await bench.client.post("/jobs", json=RAIN)).status_code == 503


async def test_a_job_of_any_contract_is_listed_and_found(bench: Workbench) -> None:
    own = await _submit(bench)
    body = {"model": "stable-audio", "prompt": "rain"}
    response = await bench.client.post("/v2/generate/audio", json=body)
    other = response.json()["id"].partition(":")[0]
    page = JobPage.model_validate((await bench.client.get("/jobs")).json(), strict=True)
    assert [job.id for job in page.jobs] == [other, own]
    query = {"contract": "aimlapi", "status": "queued"}
    page = JobPage.model_validate((await bench.client.get("/jobs", params=query)).json())
    assert [job.id for job in page.jobs] == [other]


async def test_jobs_come_page_by_page(bench: Workbench) -> None:
    ids = [await _submit(bench) for _ in range(3)]
    first = (await bench.client.get("/jobs", params={"limit": 2})).json()
    rest = await bench.client.get("/jobs", params={"limit": 2, "cursor": first["cursor"]})
    pages = (first, rest.json())
    assert [job["id"] for page in pages for job in page["jobs"]] == ids[::-1]
    assert pages[1]["cursor"] is None


async def test_a_queued_job_is_cancelled_at_once_and_once(bench: Workbench) -> None:
    job_id = await _submit(bench)
    for _ in range(2):
        response = await bench.client.delete(f"/jobs/{job_id}")
        assert (response.status_code, response.json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/{}/events", "/jobs/{}/deliveries"])
@pytest.mark.parametrize("job_id", ["nonesuch", str(uuid.UUID(int=7)), "%00"])
async def test_an_unknown_job_is_a_404(path: str, job_id: str, bench: Workbench) -> None:
    response = await bench.client.get(path.format(job_id))
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"prompt": ""}, 400),
        ({"model": "nonesuch"}, 404),
        ({"seconds": 0}, 400),
        ({"formats": [""]}, 400),
        ({"formats": ["midi"]}, 400),
        ({"labels": {"a": 1}}, 400),
        ({"labels": {str(i): "x" for i in range(17)}}, 400),
        ({"webhook_url": "http://127.0.0.1:5432/"}, 400),
        ({"seed": 1 << 63}, 400),
    ],
)
async def test_a_bad_job_is_refused(
    changes: dict[str, object], status: int, bench: Workbench
) -> None:
    response = await bench.client.post("/jobs", json=RAIN | changes)
    assert response.status_code == status
    assert response.json()["error"]["code"] == status


def _events(text: str) -> list[tuple[str, dict[str, object]]]:
    events = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


async def test_events_tell_of_every_change_until_the_end(bench: Workbench) -> None:
    job_id = await _submit(bench)
    following = asyncio.create_task(bench.client.get(f"/jobs/{job_id}/events"))
    await asyncio.sleep(0.2)
    await bench.work_off(job_id)
    response = await following
    assert response.headers["content-type"].startswith("text/event-stream")
    events = _events(response.text)
    assert [name for name, _ in events][:: len(events) - 1] == ["queued", "completed"]
    assert all(_checked(data).id == job_id for _, data in events)
    assert _checked(events[-1][1]).result is not None


async def _slow() -> AsyncIterator[tuple[str, object]]:
    yield "queued", {"n": 1}
    await asyncio.sleep(0.1)
    raise BackendUnavailable("Away.")


async def test_silence_is_broken_and_a_failure_is_told() -> None:
    text = b"".join([piece async for piece in encode_events(_slow(), 0.03)]).decode()
    assert text.startswith('event: queued\ndata: {"n": 1}\n\n: still here\n\n')
    assert text.endswith('event: failure\ndata: {"message": "Away."}\n\n')


async def test_who_stops_listening_stops_the_asking() -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[tuple[str, object]]:
        try:
            yield "queued", None
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    stream = encode_events(endless(), 0.01)
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    assert stopped.is_set()


async def test_webhooks_are_shown_and_sent_again(bench: Workbench) -> None:
    job_id = await _submit(bench, webhook_url="http://example.com/hook")
    await bench.work_off(job_id)
    (delivery,) = (await bench.client.get(f"/jobs/{job_id}/deliveries")).json()["deliveries"]
    assert (delivery["event"], delivery["status"]) == ("job.completed", "pending")
    again = await bench.client.post(f"/deliveries/{delivery['id']}/redeliver")
    assert again.status_code == 404  # it is still on its way
    (secret,) = (await bench.client.get("/webhook-secrets")).json()["secrets"]
    assert secret.startswith("whsec_")


async def test_without_a_database_there_are_no_jobs(client: httpx2.AsyncClient) -> None:
    for path in ("/jobs", "/jobs/x", "/webhook-secrets", "/files/x"):
        assert (await client.get(path)).status_code == 503
