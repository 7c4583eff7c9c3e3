"""Texts that a real worker speaks, with a gateway that speaks when it is told to."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from frontend.errors import BackendUnavailable
from frontend.jobs.model import Job, JobRequest, JobStatus, OutputFormat
from frontend.jobs.progress import WatchedMaker
from frontend.jobs.startup import JobSystem
from frontend.jobs.webhook_bodies import standard_body
from frontend.observe.metrics import Metrics
from frontend.settings import Settings
from frontend.speech.request import SpeechRequest
from frontend.triton.gateway import Catalog, Chunks, Pass, PassOptions
from tests.cards import TALKER
from tests.fakes import FakeGateway
from tests.frontend.jobs.conftest import make_request
from tests.frontend.jobs.test_worker import ended, until, working
from tritone.speech_options import Pronunciation

TEXT = "One. Two words. Three more words."


@dataclass
class SentenceGateway(FakeGateway):
    """Gives a sentence for each release of `turns`; fails instead where an error is due."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    errors: list[Exception] = field(default_factory=list)  # each after a first sentence
    n_given: int = 0

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        async with aclosing(super().stream(pass_, options)) as chunks:
            async for chunk in chunks:
                await self.turns.acquire()
                self.n_given += 1
                yield chunk
                if self.errors:
                    raise self.errors.pop()

    def say(self, n_sentences: int) -> None:
        for _ in range(n_sentences):
            self.turns.release()


@pytest.fixture
def gateway() -> SentenceGateway:
    return SentenceGateway(Catalog(speech_cards=(TALKER,)))


@pytest.fixture
async def maker(gateway: SentenceGateway, settings: Settings) -> WatchedMaker:
    return WatchedMaker(gateway, settings, Metrics())


def speech_request(**changes: object) -> JobRequest:
    return make_request(wanted=SpeechRequest(text=TEXT, seed=1), **changes)


async def until_spoken(system: JobSystem, job: Job, n_sentences: int) -> None:
    async def is_spoken() -> bool:
        found = await system.service.get(job.id, None)
        return (found.steps_done, found.steps) == (n_sentences, 3)

    await until(is_spoken)


def test_a_request_to_speak_survives_its_row() -> None:
    wanted = SpeechRequest(
        text="Pho \ud83c", voice="anna", pronunciations=(Pronunciation(text="Pho", ipa="fʌ"),)
    )
    request = make_request(wanted=wanted)
    assert JobRequest.from_json(json.loads(request.to_json())) == request
    assert (request.task, request.text) == ("speech", wanted.text)


async def test_progress_is_sentence_k_of_n(
    system: JobSystem, maker: WatchedMaker, gateway: SentenceGateway
) -> None:
    formats = (OutputFormat(name="mp3"), OutputFormat(name="wav"))
    job = await system.service.submit(speech_request(formats=formats))
    async with working(system, maker):
        for n in (1, 2):
            gateway.say(1)
            await until_spoken(system, job, n)
        gateway.say(1)
        done = await ended(system, job)
    assert (done.status, done.steps_done, done.steps) == (JobStatus.COMPLETED, 3, 3)
    assert done.result is not None
    assert done.result.voice == "anna"
    for file in done.result.files:
        assert (await system.files.head(file.key)).n_bytes == file.n_bytes > 1000
    body = standard_body(done, {file.key: "url" for file in done.result.files})
    assert body["type"] == "job.completed"
    assert body["data"]["result"]["voice"] == "anna"  # type: ignore[index]


async def test_a_cancel_stops_at_the_next_sentence(
    system: JobSystem, maker: WatchedMaker, gateway: SentenceGateway
) -> None:
    job = await system.service.submit(speech_request())
    async with working(system, maker):
        gateway.say(1)
        await until_spoken(system, job, 1)
        await system.service.cancel(job.id, None)
        done = await ended(system, job)
    assert (done.status, done.result, done.attempt) == (JobStatus.CANCELLED, None, 1)
    assert gateway.n_given == 1
    assert gateway.cancelled == [gateway.options[0].pass_id]


async def test_a_triton_that_dies_half_way_costs_an_attempt_not_the_job(
    system: JobSystem, maker: WatchedMaker, gateway: SentenceGateway
) -> None:
    gateway.errors = [BackendUnavailable("Triton has died.")]
    gateway.say(10)
    job = await system.service.submit(speech_request())
    async with working(system, maker):
        done = await ended(system, job, 30.0)
    assert (done.status, done.attempt, done.strikes) == (JobStatus.COMPLETED, 2, 0)
    assert done.result is not None
    assert done.result.seconds == pytest.approx(sum(map(len, TEXT.split("."))) / 20)


async def test_a_worker_that_stops_gives_the_text_back(
    system: JobSystem, maker: WatchedMaker, gateway: SentenceGateway
) -> None:
    job = await system.service.submit(speech_request())
    async with working(system, maker, drain_s=0.1):
        gateway.say(1)
        await until_spoken(system, job, 1)
    found = await system.service.get(job.id, None)
    assert (found.status, found.strikes, found.steps_done) == (JobStatus.QUEUED, 0, None)
    async with working(system, maker):
        gateway.say(3)
        assert (await ended(system, job)).status is JobStatus.COMPLETED
