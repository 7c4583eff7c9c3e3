import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
    UnknownModel,
)
from frontend.observe.metrics import Metrics
from frontend.passes.caller import Caller
from frontend.passes.runner import PassRunner
from frontend.settings import Settings
from frontend.sounds.generator import Generator
from frontend.sounds.request import GenerationRequest
from frontend.triton.gateway import Catalog
from tests.conftest import make_settings
from tests.fakes import FakeGateway
from tritone.card import ModelCard

RAIN = GenerationRequest(prompt="rain", seconds=2.0, seed=3)


def generator_over(
    gateway: FakeGateway, settings: Settings | None = None, metrics: Metrics | None = None
) -> Generator:
    settings = settings or make_settings()
    return Generator(PassRunner(gateway, settings.admission, metrics or Metrics()), settings)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def n_failures(metrics: Metrics, error: str) -> float | None:
    return value(metrics, "tritone_generation_failures_total", model="starter", error=error)


async def eventually(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(5.0):
        while not claim():  # noqa: ASYNC110 -- the generator tells nobody
            await asyncio.sleep(0.001)


async def test_a_sound_comes_with_the_choices_made(gateway: FakeGateway, card: ModelCard) -> None:
    sound = await generator_over(gateway).generate(RAIN, Caller(request_id="r1"))
    assert sound.pcm.shape == (1, 32_000)
    assert sound.pcm.dtype == np.int16
    assert (sound.card, sound.model_version) == (card, "1")
    assert (sound.seed, sound.steps, sound.guidance_scale) == (3, 20, 5.0)
    assert (sound.seconds, sound.sample_rate, sound.notes) == (2.0, 16_000, ())


async def test_a_pass_carries_the_callers_id_and_a_name_of_its_own(gateway: FakeGateway) -> None:
    generator = generator_over(gateway)
    for _ in range(2):
        await generator.generate(RAIN, Caller(request_id="same"))
    assert [options.request_id for options in gateway.options] == ["same", "same"]
    assert len({options.pass_id for options in gateway.options}) == 2


async def test_an_invalid_request_never_reaches_triton(gateway: FakeGateway) -> None:
    with pytest.raises(InvalidRequest):
        await generator_over(gateway).generate(replace(RAIN, steps=0), Caller(request_id="r"))
    assert gateway.passes == []


async def test_a_long_sound_is_made_of_segments(gateway: FakeGateway) -> None:
    sound = await generator_over(gateway).generate(
        replace(RAIN, seconds=225.0), Caller(request_id="r")
    )
    assert sound.seconds == 225.0
    assert sorted(each.seed for each in gateway.passes) == [3, 4, 5, 6]
    assert sound.seed == 3
    assert sound.notes == ("extended", "looped")


async def test_segments_are_made_at_once(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    work = generator_over(gateway).generate(replace(RAIN, seconds=225.0), Caller(request_id="r"))
    task = asyncio.create_task(work)
    await asyncio.sleep(0.01)
    assert len(gateway.options) == 4
    gateway.gate.set()
    await task


async def test_a_failed_segment_ends_the_others(gateway: FakeGateway) -> None:
    settings = make_settings(admission={"max_in_flight": 2, "max_waiting": 1})
    gateway.gate = asyncio.Event()  # the fourth segment finds no place, the first two hang
    with pytest.raises(Overloaded):
        await generator_over(gateway, settings).generate(
            replace(RAIN, seconds=225.0), Caller(request_id="r")
        )
    assert len(gateway.cancelled) == len(gateway.options)


async def test_a_loop_has_the_asked_length(gateway: FakeGateway) -> None:
    sound = await generator_over(gateway).generate(replace(RAIN, loop=True), Caller(request_id="r"))
    assert sound.seconds == 2.0
    assert gateway.passes[0].seconds_end == 2.5


@pytest.mark.parametrize(
    ("asked_s", "allowed_s", "expected_s"), [(None, 60.0, 60.0), (5.0, 60.0, 5.0), (99.0, 7.0, 7.0)]
)
async def test_triton_gets_the_time_that_is_left(
    gateway: FakeGateway, asked_s: float | None, allowed_s: float, expected_s: float
) -> None:
    generator = generator_over(gateway, make_settings(timeout_s=allowed_s))
    await generator.generate(replace(RAIN, timeout_s=asked_s), Caller(request_id="r"))
    assert gateway.options[0].timeout_s == pytest.approx(expected_s, abs=0.5)


async def test_the_deadline_includes_waiting(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    metrics = Metrics()
    settings = make_settings(admission={"max_in_flight": 1})
    generator = generator_over(gateway, settings, metrics)
    first = asyncio.create_task(generator.generate(RAIN, Caller(request_id="1")))
    await asyncio.sleep(0)
    with pytest.raises(DeadlineExceeded):
        await generator.generate(replace(RAIN, timeout_s=0.05), Caller(request_id="2"))
    assert len(gateway.options) == 1
    assert (
        value(
            metrics, "tritone_generation_failures_total", model="starter", error="DeadlineExceeded"
        )
        == 1
    )
    gateway.gate.set()
    await first


async def test_the_deadline_stops_the_work(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    with pytest.raises(DeadlineExceeded):
        await generator_over(gateway).generate(
            replace(RAIN, timeout_s=0.05), Caller(request_id="r")
        )
    await asyncio.sleep(0)  # the work ends in the background
    assert gateway.cancelled == [gateway.options[0].pass_id]


async def test_cancelling_stops_the_work_and_is_counted(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    metrics = Metrics()
    task = asyncio.create_task(
        generator_over(gateway, metrics=metrics).generate(RAIN, Caller(request_id="r"))
    )
    await asyncio.sleep(0.01)
    assert value(metrics, "tritone_passes_in_flight") == 1
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)  # the work ends in the background
    assert gateway.cancelled == [gateway.options[0].pass_id]
    assert value(metrics, "tritone_generation_cancelled_total", model="starter") == 1
    assert value(metrics, "tritone_passes_in_flight") == 0


async def test_who_leaves_holds_the_slot_until_the_work_has_ended(gateway: FakeGateway) -> None:
    gateway.gate, gateway.ending = asyncio.Event(), asyncio.Event()
    generator = generator_over(gateway, make_settings(admission={"max_in_flight": 1}))
    leaver = asyncio.create_task(generator.generate(RAIN, Caller(request_id="leaves")))
    await eventually(lambda: len(gateway.options) == 1)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver  # who leaves does not wait
    gateway.gate.set()
    stayer = asyncio.create_task(generator.generate(RAIN, Caller(request_id="stays")))
    await eventually(lambda: len(gateway.cancelled) == 1)
    assert len(gateway.options) == 1
    gateway.ending.set()
    assert (await stayer).seconds > 0
    assert len(gateway.options) == 2


async def test_too_many_are_refused_with_an_estimate(gateway: FakeGateway) -> None:
    gateway.gate = asyncio.Event()
    metrics = Metrics()
    settings = make_settings(admission={"max_in_flight": 1, "max_waiting": 1})
    generator = generator_over(gateway, settings, metrics)
    held = [asyncio.create_task(generator.generate(RAIN, Caller(request_id="h"))) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert value(metrics, "tritone_passes_waiting") == 1
    assert (value(metrics, "tritone_passes_queue_age_seconds") or 0) > 0
    with pytest.raises(Overloaded) as caught:
        await generator.generate(RAIN, Caller(request_id="r"))
    assert caught.value.retry_after_s >= 1
    assert n_failures(metrics, "Overloaded") == 1
    gateway.gate.set()
    await asyncio.gather(*held)


async def test_tritons_own_refusal_gets_our_estimate(gateway: FakeGateway) -> None:
    gateway.error = Overloaded("busy", retry_after_s=0.0)
    with pytest.raises(Overloaded) as caught:
        await generator_over(gateway).generate(RAIN, Caller(request_id="r"))
    assert caught.value.retry_after_s >= 1


async def test_durations_and_lengths_are_measured(gateway: FakeGateway) -> None:
    metrics = Metrics()
    await generator_over(gateway, metrics=metrics).generate(RAIN, Caller(request_id="r"))
    answered_by = {"model": "starter", "version": "1"}
    assert value(metrics, "tritone_generation_duration_seconds_count", **answered_by) == 1
    assert value(metrics, "tritone_sound_seconds_total", **answered_by) == 2.0
    for stage in ("admission", "triton"):
        stages = {"model": "starter", "stage": stage}
        assert value(metrics, "tritone_generation_stage_duration_seconds_count", **stages) == 1


async def test_failures_are_counted_by_name(gateway: FakeGateway) -> None:
    gateway.error = GenerationFailed("no")
    metrics = Metrics()
    with pytest.raises(GenerationFailed):
        await generator_over(gateway, metrics=metrics).generate(RAIN, Caller(request_id="r"))
    assert (
        value(
            metrics, "tritone_generation_failures_total", model="starter", error="GenerationFailed"
        )
        == 1
    )


def two(card: ModelCard, *away: str) -> FakeGateway:
    cards = (replace(card, name="alpha"), replace(card, name="beta"))
    return FakeGateway(Catalog(cards=cards, away=frozenset(away)))


@pytest.mark.parametrize(
    ("name", "served"),
    [
        pytest.param("beta", "beta", id="served"),
        pytest.param("alpha", "alpha", id="served-too"),
        pytest.param("mine", "beta", id="own-alias"),
    ],
)
def test_names_and_aliases_are_resolved(card: ModelCard, name: str | None, served: str) -> None:
    generator = generator_over(two(card), make_settings(aliases={"mine": "beta"}))
    assert generator.resolve(name).name == served


def test_the_default_model_is_a_setting(card: ModelCard) -> None:
    generator = generator_over(two(card), make_settings(default_model="beta"))
    assert generator.resolve(None).name == "beta"
    assert generator.resolve("sound-model").name == "beta"


@pytest.mark.parametrize("name", [None, "stable-audio"])
def test_another_published_model_never_becomes_the_default(
    card: ModelCard, name: str | None
) -> None:
    starter, early = replace(card, name="starter"), replace(card, name="alpha")
    both = generator_over(FakeGateway(Catalog(cards=(early, starter))))
    assert both.resolve(name).name == "starter"
    loading = generator_over(FakeGateway(Catalog(cards=(early,), away=frozenset({"starter"}))))
    with pytest.raises(BackendUnavailable):
        loading.resolve(name)


@pytest.mark.parametrize("name", [None, "stable-audio"])
def test_the_only_model_is_the_default_and_of_several_one_must_be_named(
    card: ModelCard, name: str | None
) -> None:
    alone = generator_over(FakeGateway(Catalog(cards=(replace(card, name="alpha"),))))
    assert alone.resolve(name).name == "alpha"
    with pytest.raises(InvalidRequest, match="Name a model: `alpha`, `beta`"):
        generator_over(two(card)).resolve(name)


def test_a_served_name_wins_over_an_alias(card: ModelCard) -> None:
    generator = generator_over(two(card), make_settings(aliases={"alpha": "beta"}))
    assert generator.resolve("alpha").name == "alpha"


@pytest.mark.parametrize("name", ["gamma", "", "ALPHA"])
def test_an_unknown_name_is_named(card: ModelCard, name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        generator_over(two(card)).resolve(name, field="model_id")
    assert (caught.value.name, caught.value.field) == (name, "model_id")


@pytest.mark.parametrize("name", ["gone", None, "stable-audio", "mine"])
def test_what_should_be_served_but_is_not_is_unavailable(card: ModelCard, name: str | None) -> None:
    settings = make_settings(default_model="gone", aliases={"mine": "gone"})
    with pytest.raises(BackendUnavailable):
        generator_over(two(card, "gone"), settings).resolve(name)


@pytest.mark.parametrize("name", ["alpha", None, "stable-audio"])
async def test_a_model_that_was_here_is_planned_with_for_later_but_not_for_now(
    card: ModelCard, name: str | None
) -> None:
    missed = replace(card, name="alpha")
    gateway = FakeGateway(Catalog(away=frozenset({"alpha"}), missed=(missed,)))
    generator = generator_over(gateway)
    request = replace(RAIN, model=name)
    assert generator.plan(request, is_for_later=True).passes[0].card == missed
    with pytest.raises(InvalidRequest):
        generator.plan(replace(request, steps=0), is_for_later=True)
    with pytest.raises(BackendUnavailable):
        await generator.generate(request, Caller(request_id="r"))


@pytest.mark.parametrize("name", [None, "alpha", "stable-audio"])
def test_nothing_is_known_before_triton_was_reached(name: str | None) -> None:
    with pytest.raises(BackendUnavailable):
        generator_over(FakeGateway(Catalog())).resolve(name)


def test_models_are_those_of_the_catalog(card: ModelCard) -> None:
    assert [each.name for each in generator_over(two(card)).models()] == ["alpha", "beta"]
