"""The frontend's own gateway, its sounds and its speech, on a real Triton."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
import pytest
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from frontend.errors import InvalidRequest
from frontend.observe.metrics import Metrics
from frontend.passes.caller import Caller
from frontend.passes.runner import PassRunner
from frontend.settings import TritonSettings
from frontend.sounds.generator import Generator
from frontend.sounds.request import GenerationRequest
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speaker
from frontend.triton.gateway import PassOptions
from frontend.triton.single import SingleTriton
from tests.acceptance.stack import Stack
from tests.conftest import make_settings

pytestmark = pytest.mark.triton

CALLER = Caller(request_id="request")
SENTENCES = "The lamp moved. Nobody knew who had lit it. Two children went to look. "


@dataclass
class Front:
    """What a frontend has between its contracts and Triton."""

    gateway: SingleTriton
    generator: Generator
    speaker: Speaker
    metrics: Metrics

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    async def until_idle(self) -> None:
        """Return once no pass holds a slot."""
        async with asyncio.timeout(10):
            while self.value("tritone_passes_in_flight"):  # noqa: ASYNC110 -- a gauge tells nobody
                await asyncio.sleep(0.02)


@pytest.fixture
async def front(stack: Stack) -> AsyncIterator[Front]:
    gateway = SingleTriton(TritonSettings(url=stack.address))
    await gateway.open()
    settings, metrics = make_settings(), Metrics()
    runner = PassRunner(gateway, settings.admission, metrics)
    yield Front(gateway, Generator(runner, settings), Speaker(runner, settings), metrics)
    await gateway.close()


async def test_sounds_and_speech_come_through_one_gateway(front: Front) -> None:
    assert front.generator.models()
    assert [each.voice.id for each in front.speaker.voices()] == ["heart"]
    request = GenerationRequest(prompt="rain", seconds=1.0, seed=1)
    sound = await front.generator.generate(request, CALLER)
    assert sound.seconds == 1.0
    speech = await front.speaker.speak(SpeechRequest(text=SENTENCES, wants_timings=True), CALLER)
    async with aclosing(speech):
        chunks = [chunk async for chunk in speech]
    assert (speech.voice.language, speech.model_version) == ("en-US", "1")
    done = [chunk.progress for chunk in chunks if chunk.progress is not None]
    assert len(done) == len(chunks)
    assert done[-1].steps_done == done[-1].steps
    assert all(chunk.timings for chunk in chunks)
    assert np.concatenate([chunk.pcm for chunk in chunks], axis=1).shape[1] > 4 * 24_000


@pytest.mark.parametrize(
    ("prompt", "negative_prompt", "notes"),
    [
        ("rain on a roof", "", ()),
        ("a trombone", "", ("the model does not know 1 of 2 words of the prompt",)),
        ("雨の音", "", ("the model knows no word of the prompt",)),
        ("rain", "trombone", ("the model knows no word of the negative prompt",)),
        ("rain " * 40, "", ("31 of 40 words of the prompt were used: the model reads no more",)),
    ],
)
async def test_what_the_model_did_not_take_of_a_prompt_is_noted(
    front: Front, prompt: str, negative_prompt: str, notes: tuple[str, ...]
) -> None:
    request = GenerationRequest(
        prompt=prompt, negative_prompt=negative_prompt, seconds=1.0, steps=2
    )
    assert (await front.generator.generate(request, CALLER)).notes == notes


async def test_what_nobody_needs_of_tritons_api_is_closed(stack: Stack) -> None:
    client = InferenceServerClient(stack.address)
    for call in (
        client.get_system_shared_memory_status,
        client.get_trace_settings,
        client.get_log_settings,
    ):
        with pytest.raises(InferenceServerException, match="restricted"):
            await call()
    await client.close()


async def test_a_long_text_is_made_no_faster_than_it_is_read(front: Front) -> None:
    plan = front.speaker.plan(SpeechRequest(text=SENTENCES * 40))
    options = PassOptions(pass_id="slow", request_id="slow", timeout_s=120.0)
    async with aclosing(front.gateway.stream(plan.pass_, options)) as chunks:
        await anext(chunks)
        before, done = -1, 0
        while done != before:  # until the speaker waits
            await asyncio.sleep(1.0)
            progress = await front.gateway.progress("hibari", "slow")
            assert progress is not None
            before, done = done, progress.steps_done
        assert done < 30
        n_chunks = 1 + len([chunk async for chunk in chunks])
    assert n_chunks >= 120


async def test_who_leaves_stops_the_speaker_and_frees_the_slot(front: Front) -> None:
    speech = await front.speaker.speak(SpeechRequest(text=SENTENCES * 300), CALLER)
    await anext(speech)
    await speech.aclose()
    await front.until_idle()
    assert front.value("tritone_generation_cancelled_total", model="hibari") == 1


async def test_a_text_without_words_is_the_callers_fault(front: Front) -> None:
    with pytest.raises(InvalidRequest, match="nothing to speak"):
        await front.speaker.speak(SpeechRequest(text="🎈"), CALLER)


async def test_the_same_seed_gives_the_same_bits(front: Front) -> None:
    async def speak() -> bytes:
        speech = await front.speaker.speak(SpeechRequest(text=SENTENCES, seed=5), CALLER)
        return b"".join([chunk.pcm.tobytes() async for chunk in speech])

    first, *others = await asyncio.gather(*(speak() for _ in range(4)))
    assert all(other == first for other in others)


async def test_a_triton_says_how_many_passes_other_processes_gave_it(
    front: Front, stack: Stack
) -> None:
    other = SingleTriton(TritonSettings(url=stack.address))
    (card,) = (await other.refresh()).cards
    await other.count_foreign_passes(card.name)
    assert other.foreign_passes == 0
    request = GenerationRequest(prompt="rain", seconds=1.0, seed=1, steps=300)
    running = [asyncio.create_task(front.generator.generate(request, CALLER)) for _ in range(2)]
    async with asyncio.timeout(20):
        while other.foreign_passes != len(running):
            await asyncio.sleep(0.02)
            await other.count_foreign_passes(card.name)
            await front.gateway.count_foreign_passes(card.name)
            assert front.gateway.foreign_passes == 0  # its own are not foreign
    await asyncio.gather(*running)
    await other.count_foreign_passes(card.name)
    assert other.foreign_passes == 0
    await other.close()
