"""Drills of speech over HTTP, on the whole stack."""

import asyncio
import base64
import io
import json
import time
import wave
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.acceptance.drills import tell
from tests.acceptance.speech_client import SPEAKER
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.triton

SENTENCE = "The lamp in the window was the only light on the whole street, and it moved. "
LONG = SENTENCE * 50  # about four minutes; OpenAI's bound is 4,096 characters
BYTES_A_SECOND = 48_000  # of PCM
PASSAGES = "tritone_speech_passages_total"
CANCELLED = "tritone_speech_cancelled_total"
SPEECH = {"model": "tts-1", "voice": "heart", "response_format": "pcm"}
CONVERSATION = "output_format=pcm_24000&seed=7"
HEALING_S = 30.0


@dataclass
class Front:
    """A client of a frontend that speaks."""

    client: httpx2.AsyncClient

    def stream(self, text: str) -> AbstractAsyncContextManager[httpx2.Response]:
        """Return the answer to a text, read while it is made."""
        return self.client.stream("POST", "/v1/audio/speech", json=SPEECH | {"input": text})

    async def speak(self, text: str, seed: int = 1) -> bytes:
        """Return the PCM of a whole text."""
        answer = await self.client.post(
            "/v1/text-to-speech/heart/stream",
            params={"output_format": "pcm_24000"},
            json={"text": text, "seed": seed},
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    async def until_spoken(self) -> float:
        """Return after how many seconds a text was spoken to its end."""
        began = time.monotonic()
        while time.monotonic() - began < HEALING_S:
            try:
                await self.speak("It is back.")
            except (AssertionError, httpx2.TransportError):
                await asyncio.sleep(0.1)
            else:
                return time.monotonic() - began
        raise AssertionError("nothing is spoken any more")


@pytest.fixture
async def front(served: Stack) -> AsyncIterator[Front]:
    async with httpx2.AsyncClient(base_url=f"http://{served.address}", timeout=60.0) as client:
        yield Front(client)


async def test_the_first_bytes_come_long_before_the_last(front: Front) -> None:
    await front.speak("Warm.")
    began, first_s, n_bytes = time.monotonic(), 0.0, 0
    async with front.stream(LONG) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_bytes():
            first_s = first_s or time.monotonic() - began
            n_bytes += len(piece)
    whole_s = time.monotonic() - began
    tell(f"{n_bytes / BYTES_A_SECOND:.0f} s of speech in {whole_s:.1f} s, first {first_s:.2f} s")
    assert n_bytes > 150 * BYTES_A_SECOND
    assert first_s < whole_s / 2


async def test_a_client_that_goes_stops_it_at_the_next_sentence(
    front: Front, served: Stack
) -> None:
    before = await asyncio.to_thread(served.metric, CANCELLED)
    spoken = await asyncio.to_thread(served.metric, PASSAGES)
    async with front.stream(LONG) as answer:
        await anext(answer.aiter_bytes(1))
    await served.until_metric(CANCELLED, before + 1)
    stopped = await asyncio.to_thread(served.metric, PASSAGES)
    assert stopped - spoken < 25  # of fifty
    await asyncio.sleep(1.0)
    assert await asyncio.to_thread(served.metric, PASSAGES) == stopped


@pytest.mark.parametrize("n_others", [6, pytest.param(40, marks=pytest.mark.drill)])
async def test_the_bits_are_equal_alone_and_under_load(front: Front, n_others: int) -> None:
    text = SENTENCE * 3
    alone = await front.speak(text, seed=7)
    others = [asyncio.create_task(front.speak(SENTENCE * 4, seed=n)) for n in range(n_others)]
    among = await front.speak(text, seed=7)
    assert among == alone
    for audio in await asyncio.gather(*others):
        assert len(audio) > 12 * BYTES_A_SECOND


async def test_a_conversation_has_the_same_bits_alone_and_under_load(
    front: Front, served: Stack
) -> None:
    async def talk() -> bytes:
        url = f"ws://{served.address}/v1/text-to-speech/heart/stream-input?{CONVERSATION}"
        async with connect(url, proxy=None) as connection:
            for text in (" ", *SENTENCE.split(","), " мир ", SENTENCE, ""):
                await connection.send(json.dumps({"text": text, "flush": bool(text.strip())}))
            messages = [json.loads(message) async for message in connection]
        assert messages[-1]["isFinal"] is True
        return b"".join(base64.b64decode(each["audio"]) for each in messages[:-1])

    alone = await talk()
    assert len(alone) > 7 * BYTES_A_SECOND
    others = [asyncio.create_task(front.speak(SENTENCE * 4, seed=n)) for n in range(4)]
    assert list(await asyncio.gather(talk(), talk())) == [alone, alone]
    await asyncio.gather(*others)


async def test_a_dictionary_changes_what_is_heard(front: Front) -> None:
    rule = {"type": "phoneme", "string_to_replace": "street", "phoneme": "ˈtaʊn", "alphabet": "ipa"}
    made = await front.client.post(
        "/v1/pronunciation-dictionaries/add-from-rules", json={"name": "towns", "rules": [rule]}
    )
    locator = {"pronunciation_dictionary_id": made.json()["id"]}
    heard = []
    for text, locators in (("A street.", []), ("A street.", [locator]), ("A [[ˈtaʊn]].", [])):
        answer = await front.client.post(
            "/v1/text-to-speech/heart",
            params={"output_format": "pcm_24000"},
            json={"text": text, "seed": 1, "pronunciation_dictionary_locators": locators},
        )
        assert answer.status_code == 200, answer.text
        heard.append(answer.content)
    assert heard[0] != heard[1] == heard[2]


async def test_what_cannot_be_read_is_said(front: Front) -> None:
    async with front.stream(f"{SENTENCE} こんにちは。") as answer:
        assert "Hiragana left out" in answer.headers["x-tritone-note"]
    async with front.stream("こんにちは。") as answer:
        assert answer.status_code == 400
        assert "does not read Hiragana" in (await answer.aread()).decode()


@pytest.mark.parametrize("n_times", [1, pytest.param(10, marks=pytest.mark.drill)])
@pytest.mark.timeout(900)
async def test_a_killed_speaker_breaks_the_stream_and_comes_back(
    front: Front, served: Stack, n_times: int
) -> None:
    for _ in range(n_times):
        async with front.stream(LONG) as answer:
            pieces = answer.aiter_bytes()
            await anext(pieces)
            served.stub(SPEAKER).kill()
            killed_at = time.monotonic()
            with pytest.raises(httpx2.TransportError):
                async for _ in pieces:
                    pass
            broken_s = time.monotonic() - killed_at
        healed_s = broken_s + await front.until_spoken()
        tell(f"killed: broken after {broken_s:.1f} s, spoken again after {healed_s:.1f} s")
        assert broken_s < 15
        assert healed_s < HEALING_S


@pytest.mark.drill
@pytest.mark.parametrize("n_sentences", [1, 5])
async def test_fifty_clients_at_once_all_get_the_whole(front: Front, n_sentences: int) -> None:
    text = SENTENCE * n_sentences
    alone = await front.speak(text, seed=3)
    began = time.monotonic()
    answers = await asyncio.gather(*[front.speak(text, seed=3) for _ in range(50)])
    took_s = time.monotonic() - began
    seconds = 50 * len(alone) / BYTES_A_SECOND
    tell(f"50 clients: {seconds:.0f} s of speech in {took_s:.1f} s")
    assert answers == [alone] * 50


@pytest.mark.parametrize("n_sentences", [30, pytest.param(1200, marks=pytest.mark.drill)])
@pytest.mark.timeout(600)
async def test_a_job_speaks_a_text_sentence_by_sentence(front: Front, n_sentences: int) -> None:
    body = {"task": "speech", "text": SENTENCE * n_sentences, "seed": 1}
    job = (await front.client.post("/jobs", json=body)).json()
    seen = set()
    async with asyncio.timeout(500):
        while job["status"] not in {"completed", "error"}:
            await asyncio.sleep(0.2)
            job = (await front.client.get(f"/jobs/{job['id']}")).json()
            seen.add((job["steps_done"], job["steps"]))
    assert job["status"] == "completed", job["error"]
    assert {steps for _, steps in seen} <= {None, n_sentences}
    (file,) = job["result"]["files"]
    audio = await front.client.get(httpx2.URL(file["url"]).raw_path.decode())
    with wave.open(io.BytesIO(audio.content)) as wav:
        seconds = wav.getnframes() / wav.getframerate()
    assert seconds == pytest.approx(job["result"]["seconds"])
    assert seconds > 3.5 * n_sentences
    tell(f"a job spoke {seconds:.0f} s; seen on the way: {len(seen)} states")
