"""The default voice on a real Triton."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.acceptance.speech_client import SPEAKER, Heard, SpeechClient, until_heard
from tests.acceptance.stack import Stack
from tritone import speech_refusals as refusals
from tritone.speech_tensors import TIMINGS
from tritone.tensors import PCM

pytestmark = pytest.mark.triton

TEXT = (
    "The lamp in the window was the only light on the whole street, and it moved. "
    "Nobody knew who had lit it. On the third night, two children went to look."
)
LONG = f"{TEXT} " * 60


@pytest.fixture
async def voice(stack: Stack) -> AsyncIterator[SpeechClient]:
    async with SpeechClient(stack.address) as client:
        yield client


async def test_a_text_is_spoken_in_chunks_the_first_one_early(voice: SpeechClient) -> None:
    await voice.speak(TEXT)
    heard = await voice.speak(TEXT)
    assert heard.error is None
    assert heard.progress == [(1, 3), (2, 3), (3, 3)]
    assert heard.seconds > 7
    assert heard.arrivals_s[0] < heard.arrivals_s[-1]


async def test_timings_come_where_they_are_asked_for(voice: SpeechClient) -> None:
    plain = await voice.speak("Hello there.")
    told = await voice.speak("Hello there.", outputs=(PCM, TIMINGS))
    assert plain.timings == []
    (timings,) = map(json.loads, told.timings)
    assert "".join(timings["alignment"]["characters"]) == "Hello there."


async def test_without_timings_the_first_passage_comes_in_two_parts(voice: SpeechClient) -> None:
    whole = await voice.speak(TEXT)
    parts = await voice.speak(TEXT, timings=False)
    assert parts.progress == [(0, 3), *whole.progress]
    assert np.array_equal(parts.pcm, whole.pcm)


async def test_the_bits_are_equal_alone_and_under_load(voice: SpeechClient) -> None:
    alone = await voice.speak(TEXT, seed=7)
    load = [asyncio.create_task(voice.speak(TEXT * 4, seed=i)) for i in range(8)]
    among = await voice.speak(TEXT, seed=7)
    assert np.array_equal(alone.pcm, among.pcm)
    for heard in await asyncio.gather(*load):
        assert heard.error is None
        assert heard.seconds > 30


async def test_eight_long_texts_keep_no_short_one(voice: SpeechClient) -> None:
    long = [asyncio.create_task(voice.speak(LONG, job_id=f"long{i}")) for i in range(8)]
    await asyncio.sleep(0.5)
    short = await voice.speak("A short one.")
    assert short.error is None
    for i in range(8):
        await voice.control(cancel=f"long{i}")
    for heard in await asyncio.gather(*long):
        assert heard.progress[-1][0] < heard.progress[-1][1]


async def test_a_cancel_stops_at_the_next_sentence(voice: SpeechClient) -> None:
    heard = Heard()
    speaking = asyncio.create_task(voice.speak(LONG, heard=heard, job_id="stop me"))
    await until_heard(heard)
    done, total = await voice.control(cancel="stop me")
    await speaking
    assert heard.progress[-1][0] <= done + 2  # the one that was being spoken, and its successor
    assert heard.progress[-1][0] < total
    assert str(refusals.CANCELLED.partition(" at ")[0]) in str(heard.error)
    assert await voice.control(query="stop me") == heard.progress[-1]


async def test_a_client_of_the_speaker_that_goes_stops_it(
    voice: SpeechClient, stack: Stack
) -> None:
    """Of the speaker itself: an ensemble does not tell its steps that a client has gone."""
    before = await asyncio.to_thread(stack.metric, "tritone_speech_cancelled_total")
    heard = Heard()
    speaking = asyncio.create_task(voice.speak(LONG, heard=heard, model=SPEAKER))
    await until_heard(heard)
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    await stack.until_metric("tritone_speech_cancelled_total", before + 1)


async def test_a_window_keeps_the_speaker_from_running_ahead(voice: SpeechClient) -> None:
    heard = Heard()
    speaking = asyncio.create_task(voice.speak(LONG, heard=heard, job_id="slow", window=3))
    await until_heard(heard, 3)
    await asyncio.sleep(0.5)
    assert len(heard.chunks) == 3
    await voice.control(grant="slow", chunks=2)
    await until_heard(heard, 5)
    await voice.control(cancel="slow")
    await speaking


@pytest.mark.parametrize("text", ["", "😀"])
async def test_a_refusal_says_why(voice: SpeechClient, text: str) -> None:
    heard = await voice.speak(text)
    assert str(heard.error).endswith(refusals.NOTHING_TO_SPEAK if text else refusals.NO_TEXT)


async def test_a_deadline_ends_it(voice: SpeechClient) -> None:
    heard = await voice.speak(LONG, timeout_s=0.5)
    assert "deadline exceeded at sentence" in str(heard.error)


async def test_a_killed_speaker_ends_clearly_and_heals(voice: SpeechClient, stack: Stack) -> None:
    heard = Heard()
    speaking = asyncio.create_task(voice.speak(LONG * 5, heard=heard, job_id="lost", window=2))
    await until_heard(heard)
    killed = stack.stub(SPEAKER)
    os.kill(killed.pid, signal.SIGKILL)
    begin = time.monotonic()
    assert await _until_unknown(voice, "lost")
    assert time.monotonic() - begin < 30
    again = await voice.speak(TEXT)
    assert again.error is None
    assert again.seconds > 7
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)


async def _until_unknown(voice: SpeechClient, job_id: str) -> bool:
    """Return once the healed speaker says that it has no such job: whoever waits may give up."""
    async with asyncio.timeout(30):
        while True:
            try:
                if await voice.control(query=job_id) == (-1, -1):
                    return True
            except Exception:  # it is dead, or being loaded
                pass
            await asyncio.sleep(0.1)
