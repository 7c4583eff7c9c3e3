import asyncio
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    InvalidRequest,
    NothingToSpeak,
    Overloaded,
    RequestTooLarge,
    UnknownModel,
    UnknownVoice,
    UnsupportedLanguage,
)
from frontend.observe.metrics import Metrics
from frontend.passes.caller import Caller
from frontend.passes.runner import PassRunner
from frontend.settings import Settings
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speaker
from frontend.triton.gateway import Catalog
from tests.cards import STARTER_LIKE, TALKER, voice
from tests.conftest import make_settings
from tests.fakes import FakeGateway
from tritone.speech_options import Pronunciation

HELLO = SpeechRequest(text="Hello there. How are you? I am fine.", seed=3)
CALLER = Caller(request_id="r", owner="key-1")
GERMAN = replace(TALKER, name="sprecher", voices=(voice("jens", "de"),), default_voice="jens")


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(Catalog(cards=(STARTER_LIKE,), speech_cards=(GERMAN, TALKER)))


def speaker_over(
    gateway: FakeGateway, settings: Settings | None = None, metrics: Metrics | None = None
) -> Speaker:
    settings = settings or make_settings()
    return Speaker(PassRunner(gateway, settings.admission, metrics or Metrics()), settings)


async def test_a_speech_comes_in_chunks_with_the_choices_made(gateway: FakeGateway) -> None:
    speech = await speaker_over(gateway).speak(replace(HELLO, voice="anna"), CALLER)
    async with aclosing(speech):
        chunks = [chunk async for chunk in speech]
    assert (speech.card, speech.voice.id, speech.seed) == (TALKER, "anna", 3)
    assert (speech.model_version, speech.sample_rate) == ("1", 24_000)
    assert [chunk.progress and chunk.progress.steps_done for chunk in chunks] == [1, 2]
    assert all(chunk.pcm.dtype == np.int16 for chunk in chunks)
    (options,) = gateway.options
    assert (options.request_id, options.owner) == ("r", "key-1")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (HELLO, "jens"),  # the first model's default
        (replace(HELLO, voice="marie"), "marie"),
        (replace(HELLO, language="en"), "anna"),
        (replace(HELLO, language="fr_CA"), "marie"),
        (replace(HELLO, model="talker"), "anna"),
        (replace(HELLO, model="mine"), "anna"),
        (replace(HELLO, model="talker", language="fr"), "marie"),
    ],
)
def test_the_voice_is_the_one_named_or_the_first_of_the_language(
    gateway: FakeGateway, request_: SpeechRequest, expected: str
) -> None:
    speaker = speaker_over(gateway, make_settings(aliases={"mine": "talker"}))
    assert speaker.plan(request_).voice.id == expected


@pytest.mark.parametrize(
    ("request_", "error", "field"),
    [
        (replace(HELLO, voice="nobody"), UnknownVoice, "voice"),
        (replace(HELLO, model="starter"), UnknownModel, "model"),
        (replace(HELLO, model="sound-model"), UnknownModel, "model"),
        (replace(HELLO, model="sprecher", voice="anna"), UnknownVoice, "voice"),
        (replace(HELLO, language="it"), UnsupportedLanguage, "language"),
        (replace(HELLO, voice="anna", language="fr"), UnsupportedLanguage, "language"),
        (replace(HELLO, text=" \n"), InvalidRequest, "text"),
        (replace(HELLO, text="\ud800"), InvalidRequest, "text"),
        (replace(HELLO, text="a" * 1001), RequestTooLarge, "text"),
        (replace(HELLO, speed=5.0), InvalidRequest, "speed"),
        (replace(HELLO, speed=float("nan")), InvalidRequest, "speed"),
        (replace(HELLO, seed=2**63), InvalidRequest, "seed"),
    ],
)
def test_what_cannot_be_spoken_is_named(
    gateway: FakeGateway, request_: SpeechRequest, error: type[InvalidRequest], field: str
) -> None:
    with pytest.raises(error) as caught:
        speaker_over(gateway).plan(request_)
    assert type(caught.value) is error
    assert caught.value.field == field


def test_without_a_voice_nothing_is_spoken_now() -> None:
    gateway = FakeGateway(Catalog(missed=(TALKER,), away=frozenset({"talker"})))
    with pytest.raises(BackendUnavailable):
        speaker_over(gateway).plan(HELLO)
    assert speaker_over(gateway).plan(HELLO, is_for_later=True).card == TALKER


def test_voices_are_listed_with_each_models_default_first(gateway: FakeGateway) -> None:
    voices = speaker_over(gateway).voices()
    assert [(each.card.name, each.voice.id) for each in voices] == [
        ("sprecher", "jens"),
        ("talker", "anna"),
        ("talker", "marie"),
    ]


@pytest.mark.parametrize(
    ("name", "language", "speaks"),
    [
        ("alloy", None, "anna"),  # also the name of an added voice
        ("onyx", None, "anna"),  # which an added voice is more like
        ("af_alloy", None, "af_alloy"),
        ("echo", "it", "im_nero"),  # the default voice speaks no Italian
        ("bob", None, "bob"),  # no other service's
    ],
)
def test_another_services_name_means_the_default_voice_where_it_speaks_the_language(
    gateway: FakeGateway, name: str, language: str | None, speaks: str
) -> None:
    added = replace(
        TALKER,
        name="added",
        engine="kokoro",
        voices=(
            replace(voice("af_alloy", "en-US"), name="Alloy"),
            replace(voice("am_onyx", "en-US"), name="Onyx", gender="male"),
            replace(voice("im_nero", "it-IT"), gender="male"),
            voice("bob", "en-US"),
        ),
        default_voice="af_alloy",
    )
    gateway.catalog = Catalog(speech_cards=(added, TALKER))
    plan = speaker_over(gateway).plan(replace(HELLO, voice=name, language=language))
    assert plan.voice.id == speaks


def test_added_voices_change_nothing_for_who_leaves_the_choice(gateway: FakeGateway) -> None:
    """Their model's name comes first in the alphabet; the default engine's voice stays first."""
    added = replace(
        TALKER,
        name="added",
        engine="kokoro",
        voices=(replace(voice("af_anna", "en-US"), name="Anna"), voice("bob", "en-US")),
        default_voice="af_anna",
    )
    gateway.catalog = Catalog(speech_cards=(added, TALKER))
    speaker = speaker_over(gateway)
    for asked, model, found in (
        (None, "talker", "anna"),
        ("anna", "talker", "anna"),
        ("Anna", "talker", "anna"),
        ("af_anna", "added", "af_anna"),
        ("bob", "added", "bob"),
    ):
        plan = speaker.plan(replace(HELLO, voice=asked))
        assert (plan.card.name, plan.voice.id) == (model, found)
    plan = speaker.plan(replace(HELLO, model="added", voice="Anna"))
    assert plan.voice.id == "af_anna"


async def test_an_error_before_the_first_chunk_is_raised_at_once(gateway: FakeGateway) -> None:
    gateway.error = Overloaded("busy", retry_after_s=0.0)
    metrics = Metrics()
    with pytest.raises(Overloaded) as caught:
        await speaker_over(gateway, metrics=metrics).speak(HELLO, CALLER)
    assert caught.value.retry_after_s >= 1
    labels = {"model": "sprecher", "error": "Overloaded"}
    name = "tritone_generation_failures_total"
    assert metrics.registry.get_sample_value(name, labels) == 1


async def test_the_deadline_holds_before_the_first_chunk(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    with pytest.raises(DeadlineExceeded):
        await speaker_over(gateway).speak(replace(HELLO, timeout_s=0.05), CALLER)
    await asyncio.sleep(0)  # the work ends in the background
    assert gateway.cancelled == [gateway.options[0].pass_id]


async def test_closing_a_speech_stops_the_work_and_frees_the_slot(gateway: FakeGateway) -> None:
    metrics = Metrics()
    speaker = speaker_over(gateway, make_settings(admission={"max_in_flight": 1}), metrics)
    long = replace(HELLO, text="One. " * 100)
    speech = await speaker.speak(long, CALLER)
    await speech.aclose()
    other = await speaker.speak(HELLO, CALLER)  # the slot is free
    assert gateway.cancelled == [gateway.options[0].pass_id]
    async with aclosing(other):
        assert len([chunk async for chunk in other]) == 2
    name = "tritone_generation_cancelled_total"
    assert metrics.registry.get_sample_value(name, {"model": "sprecher"}) == 1


async def test_a_finished_speech_is_counted(gateway: FakeGateway) -> None:
    metrics = Metrics()
    speech = await speaker_over(gateway, metrics=metrics).speak(HELLO, CALLER)
    n_samples = sum([chunk.pcm.shape[1] async for chunk in speech])
    labels = {"model": "sprecher", "version": "1"}
    value = metrics.registry.get_sample_value
    assert value("tritone_sound_seconds_total", labels) == n_samples / 24_000
    assert value("tritone_speech_first_chunk_duration_seconds_count", labels) == 1
    assert value("tritone_pass_duration_seconds_count", labels) == 1


async def test_a_slow_reader_holds_no_slot_and_gets_every_chunk(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.passes.runner._READER_PATIENCE_S", 0.01)
    metrics = Metrics()
    speaker = speaker_over(gateway, make_settings(admission={"max_in_flight": 1}), metrics)
    slow = await speaker.speak(replace(HELLO, text="One. " * 20), CALLER)
    async with asyncio.timeout(5):
        other = await speaker.speak(HELLO, CALLER)
        assert len([chunk async for chunk in other]) == 2
        assert len([chunk async for chunk in slow]) == 20
    value = metrics.registry.get_sample_value
    assert value("tritone_passes_in_flight") == 0
    assert value("tritone_passes_waiting") == 0


async def test_a_slow_reader_that_leaves_frees_nothing_twice(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.passes.runner._READER_PATIENCE_S", 0.01)
    metrics = Metrics()
    speaker = speaker_over(gateway, make_settings(admission={"max_in_flight": 1}), metrics)
    slow = await speaker.speak(replace(HELLO, text="One. " * 20), CALLER)
    value = metrics.registry.get_sample_value
    async with asyncio.timeout(5):
        while value("tritone_passes_in_flight"):  # noqa: ASYNC110 -- a gauge tells nobody
            await asyncio.sleep(0.005)
    await slow.aclose()
    await asyncio.sleep(0)
    assert value("tritone_passes_in_flight") == 0
    held = await speaker.speak(HELLO, CALLER)
    assert value("tritone_passes_in_flight") == 1
    await held.aclose()


@pytest.mark.parametrize(
    ("text", "pronunciations", "note"),
    [
        ("Hello мир and 日本.", (), "Cyrillic, Han left out: the voice anna does not read it"),
        ("Hello [[həˈloʊ θ]].", (), None),
        ('Say <phoneme alphabet="ipa" ph="kɔn">こん</phoneme>.', (), None),
        ("Say мир.", (Pronunciation(text="мир", alias="meer"),), None),
        ("мир", (Pronunciation(text="мир", ipa="mir"),), None),
        ("Say мир там.", (Pronunciation(text="мир", alias="meer"),), "Cyrillic left out"),
        ("Hello 😀!", (), None),
    ],
)
def test_what_is_left_out_is_said(
    gateway: FakeGateway, text: str, pronunciations: tuple[Pronunciation, ...], note: str | None
) -> None:
    request = replace(HELLO, text=text, voice="anna", pronunciations=pronunciations)
    notes = "; ".join(speaker_over(gateway).plan(request).notes)
    assert notes.startswith(note) if note else not notes


@pytest.mark.parametrize("text", ["こんにちは。", "Привет, мир!", "<b>мир</b>"])
def test_a_text_that_the_voice_cannot_read_at_all_is_refused(
    gateway: FakeGateway, text: str
) -> None:
    with pytest.raises(NothingToSpeak, match=r"does not read .*tritone voices") as caught:
        speaker_over(gateway).plan(replace(HELLO, text=text, voice="anna"))
    assert caught.value.field == "text"
