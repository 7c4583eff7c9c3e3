import io
import uuid
import zipfile
from datetime import UTC, datetime

import httpx2
import pytest

from frontend.jobs.model import JobFile, JobResult, JobStatus
from frontend.jobs.records import Ending, JobFilter
from frontend.speech.request import SpeechRequest
from frontend.storage.names import new_key
from tests.frontend.contracts.workbench import Workbench
from tests.frontend.jobs.conftest import claim_job, make_request
from tritone.speech_options import Pronunciation


async def _made(bench: Workbench, prompt: str = "rain", **changes: object) -> str:
    body = {"prompt": prompt, "seconds": 1, "formats": ["wav", "mp3"], **changes}
    job_id = str((await bench.client.post("/jobs", json=body)).json()["id"])
    await bench.work_off(job_id)
    return job_id


async def test_finished_jobs_are_the_history_the_newest_first(bench: Workbench) -> None:
    ids = [await _made(bench, prompt) for prompt in ("rain", "wind", "Heavy rain")]
    await bench.client.post("/jobs", json={"prompt": "not yet"})
    history = (await bench.client.get("/v1/history")).json()
    assert [item["history_item_id"] for item in history["history"]] == ids[::-1]
    assert (history["has_more"], history["last_history_item_id"]) == (False, ids[0])
    item = history["history"][0]
    assert (item["text"], item["model_id"], item["content_type"], item["state"]) == (
        *("Heavy rain", "starter", "audio/mpeg", "created"),
    )
    assert item["character_count_change_to"] == 40
    one = (await bench.client.get(f"/v1/history/{ids[2]}")).json()
    assert one == item


async def test_the_history_comes_page_by_page_in_either_direction(bench: Workbench) -> None:
    ids = [await _made(bench) for _ in range(3)]
    for direction, expected in (("desc", ids[::-1]), ("asc", ids)):
        seen: list[str] = []
        query: dict[str, str | int] = {"page_size": 2, "sort_direction": direction}
        has_more = True
        while has_more:
            page = (await bench.client.get("/v1/history", params=query)).json()
            seen += [item["history_item_id"] for item in page["history"]]
            has_more = page["has_more"]
            query["start_after_history_item_id"] = page["last_history_item_id"]
        assert seen == expected


async def _ended(bench: Workbench, **asked: object) -> None:
    """Let a job end, without making anything."""
    result = JobResult(
        files=(
            JobFile(
                key=new_key("wav", datetime.now(UTC)),
                format="wav",
                media_type="audio/wav",
                n_bytes=1,
            ),
        ),
        seconds=1.0,
        sample_rate=16_000,
        model="starter",
        model_version="1",
        seed=1,
    )
    job = await bench.system.service.submit(make_request(owner="", **asked))
    claim = await claim_job(bench.system, job.id)
    await bench.system.store.end(claim, Ending(status=JobStatus.COMPLETED, result=result))


async def test_a_page_may_have_more_than_a_hundred_items(bench: Workbench) -> None:
    for _ in range(101):
        await _ended(bench)
    page = (await bench.client.get("/v1/history", params={"page_size": 1000})).json()
    assert (len(page["history"]), page["has_more"]) == (101, False)
    page = (await bench.client.get("/v1/history")).json()
    assert (len(page["history"]), page["has_more"]) == (100, True)


@pytest.mark.parametrize(
    ("query", "n_found"),
    [
        ({"search": "RAIN"}, 1),
        ({"search": "wind"}, 0),
        ({"model_id": "starter"}, 1),
        ({"model_id": "eleven_multilingual_v2"}, 0),
        ({"source": "SFX"}, 1),
        ({"source": "TTS"}, 0),
        ({"voice_id": "21m00Tcm4TlvDq8ikWAM"}, 0),
        ({"date_after_unix": "4000000000"}, 0),
        ({"date_before_unix": "4000000000"}, 1),
        ({"start_after_history_item_id": ""}, 1),
        ({"page_size": "1000"}, 1),
    ],
)
async def test_the_history_is_searched(
    query: dict[str, str], n_found: int, bench: Workbench
) -> None:
    await _made(bench)
    page = await bench.client.get("/v1/history", params=query)
    assert len(page.json()["history"]) == n_found


async def test_speech_is_in_the_history_with_its_voice(bench: Workbench) -> None:
    sound = await _made(bench)
    text = "The rain has stopped."
    body = {"task": "speech", "text": text, "formats": ["mp3"]}
    speech = (await bench.client.post("/jobs", json=body)).json()["id"]
    await bench.work_off(speech)
    item = (await bench.client.get(f"/v1/history/{speech}")).json()
    assert (item["source"], item["voice_id"], item["text"]) == ("TTS", "anna", text)
    assert item["character_count_change_to"] == len(text)
    for query, expected in (
        ({"source": "TTS"}, [speech]),
        ({"voice_id": "anna"}, [speech]),
        ({"search": "stopped"}, [speech]),
        ({"source": "SFX"}, [sound]),
        ({"source": "nonesuch"}, []),
        ({}, [speech, sound]),
    ):
        page = (await bench.client.get("/v1/history", params=query)).json()
        assert [each["history_item_id"] for each in page["history"]] == expected, query


async def test_of_long_texts_a_list_reads_the_beginning_only(bench: Workbench) -> None:
    text = "Ein längerer Satz. " * 50  # 950 characters
    for wanted in (
        SpeechRequest(text=text * 100),
        SpeechRequest(
            text=text,
            pronunciations=tuple(Pronunciation(text=f"w{k}", alias="x" * 99) for k in range(999)),
        ),
    ):
        await _ended(bench, wanted=wanted)
    history = (await bench.client.get("/v1/history")).json()["history"]
    jobs = (await bench.client.get("/jobs")).json()["jobs"]
    listed = await bench.system.store.page(JobFilter(), None, 10)
    assert [len(each.request.to_json()) < 10_000 for each in listed] == [True, True]
    assert [each["character_count_change_to"] for each in history] == [950, 95_000]
    assert [each["request"]["characters"] for each in jobs] == [950, 95_000]
    assert history[1]["text"] == (text * 100)[:1000]
    one = await bench.system.store.get(history[1]["history_item_id"], None)
    assert one.request.text == text * 100


@pytest.mark.parametrize(
    "query", ["page_size=0", "page_size=1001", "sort_direction=up", f"date_after_unix={10**15}"]
)
async def test_a_bad_query_is_a_422(query: str, bench: Workbench) -> None:
    assert (await bench.client.get(f"/v1/history?{query}")).status_code == 422


async def test_audio_is_the_mp3(bench: Workbench) -> None:
    job_id = await _made(bench)
    audio = await bench.client.get(f"/v1/history/{job_id}/audio")
    assert audio.headers["content-type"] == "audio/mpeg"
    assert len(audio.content) == int(audio.headers["content-length"]) > 1000


async def test_audio_is_sought_in_and_has_a_name_to_save_it_under(bench: Workbench) -> None:
    job_id = await _made(bench)
    path = f"/v1/history/{job_id}/audio"
    whole = await bench.client.get(path)
    assert whole.headers["content-disposition"] == f'inline; filename="{job_id}.mp3"'
    part = await bench.client.get(path, headers={"range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, whole.content[:2])
    outside = await bench.client.get(path, headers={"range": "bytes=999999999-"})
    assert outside.status_code == 416
    assert outside.json()["detail"]["code"] == "range_not_satisfiable"
    head = await bench.client.head(path)
    assert head.headers["content-length"] == whole.headers["content-length"]
    known = await bench.client.get(path, headers={"if-none-match": whole.headers["etag"]})
    assert known.status_code == 304


async def test_a_download_is_a_file_or_a_zip(bench: Workbench) -> None:
    ids = [await _made(bench), await _made(bench)]
    path = "/v1/history/download"
    one = await bench.client.post(path, json={"history_item_ids": [ids[0], ids[0]]})
    assert one.headers["content-type"] == "audio/mpeg"
    wav = await bench.client.post(path, json={"history_item_ids": ids[:1], "output_format": "wav"})
    assert wav.content.startswith(b"RIFF")
    both = await bench.client.post(path, json={"history_item_ids": ids})
    assert both.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(both.content))
    assert archive.namelist() == [f"{job_id}.mp3" for job_id in ids]
    assert archive.testzip() is None


async def test_a_sound_without_wav_is_not_made_into_one(bench: Workbench) -> None:
    job_id = await _made(bench, formats=["mp3"])
    body = {"history_item_ids": [job_id], "output_format": "wav"}
    response = await bench.client.post("/v1/history/download", json=body)
    assert response.status_code == 422


async def test_a_deleted_item_takes_its_files_along(bench: Workbench) -> None:
    job_id = await _made(bench)
    view = (await bench.client.get(f"/jobs/{job_id}")).json()
    deleted = await bench.client.delete(f"/v1/history/{job_id}")
    assert deleted.json() == {"status": "ok"}
    assert (await bench.client.get("/v1/history")).json()["history"] == []
    for file in view["result"]["files"]:
        assert (await bench.get(file["url"])).status_code == 404


@pytest.mark.parametrize("item", ["nonesuch", str(uuid.UUID(int=7)), "queued"])
async def test_an_unknown_item_is_a_404(item: str, bench: Workbench) -> None:
    if item == "queued":  # not in the history yet
        item = (await bench.client.post("/jobs", json={"prompt": "rain"})).json()["id"]
    path = f"/v1/history/{item}"
    answers = [
        await bench.client.get(path),
        await bench.client.get(f"{path}/audio"),
        await bench.client.delete(path),
        await bench.client.post("/v1/history/download", json={"history_item_ids": [item]}),
        await bench.client.get("/v1/history", params={"start_after_history_item_id": item}),
    ]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.json()["detail"]["code"] == "history_item_not_found"


async def test_the_account_says_as_much_as_you_like(client: httpx2.AsyncClient) -> None:
    user = (await client.get("/v1/user")).json()
    subscription = (await client.get("/v1/user/subscription")).json()
    assert user["subscription"].items() <= subscription.items()
    assert subscription["character_limit"] - subscription["character_count"] >= 10**9
    assert (subscription["status"], subscription["open_invoices"]) == ("active", [])
