"""Sounds that stop while every look at Triton is fine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from frontend.errors import (
    DeadlineExceeded,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
    TritoneError,
)
from frontend.settings import TritonSettings
from frontend.triton.gateway import (
    Catalog,
    Chunks,
    Pass,
    PassOptions,
    SoundPass,
    SpeechPass,
    collect,
)
from frontend.triton.sound_watch import SoundWatch
from tests.cards import TALKER
from tests.fakes import FakeGateway
from tests.frontend.triton.network import name_pass
from tests.frontend.triton.servers import eventually
from tritone.card import ModelCard
from tritone.turns import BACKGROUND

BUG = GenerationFailed("CUDA error 700")
ENOUGH = 3
SETTINGS = TritonSettings(eject_after=ENOUGH, eject_s=0.01)
POISON = 666  # a seed


@dataclass
class Moody(FakeGateway):
    """Fails all passes, those of a poisonous seed, or only silences them."""

    is_silent: bool = False

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        if pass_.seed == POISON:
            raise BUG
        async for chunk in super().stream(pass_, options):
            yield replace(chunk, pcm=chunk.pcm * 0) if self.is_silent else chunk

    @property
    def n_trials(self) -> int:
        return sum(each.priority == BACKGROUND for each in self.options)


@pytest.fixture
def triton(card: ModelCard) -> Moody:
    return Moody(Catalog(cards=(card,), speech_cards=(TALKER,)))


@pytest.fixture
async def gateway(triton: Moody) -> AsyncIterator[SoundWatch]:
    gateway = SoundWatch(triton, SETTINGS)
    await gateway.open()
    yield gateway
    await gateway.close()
    assert not triton.is_open


async def fail(gateway: SoundWatch, pass_: Pass, times: int = ENOUGH) -> None:
    for _ in range(times):
        with pytest.raises(TritoneError):
            await collect(gateway.stream(pass_, name_pass("x")))


async def hold(claim: Callable[[], bool]) -> None:
    """Check that something stays true for as long as many trials take."""
    for _ in range(20):
        assert claim()
        await asyncio.sleep(0.005)


async def test_sounds_that_stop_are_noticed_and_so_are_those_that_come_again(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    triton.error = BUG
    await fail(gateway, pass_)
    await eventually(lambda: list(gateway.catalog.stopped) == [pass_.card.name])
    assert gateway.catalog.stopped[pass_.card.name].endswith("a short sound: GenerationFailed")
    assert (await gateway.refresh()).stopped == gateway.catalog.stopped
    triton.error = None  # nobody asks any more: we do
    await eventually(lambda: not gateway.catalog.stopped)
    n_trials = triton.n_trials
    await hold(lambda: triton.n_trials == n_trials)


async def test_the_sound_of_a_caller_counts_as_one_of_ours(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    triton.error = BUG
    await fail(gateway, pass_)
    await eventually(lambda: bool(gateway.catalog.stopped))
    triton.error = None
    await collect(gateway.stream(pass_, name_pass("x")))
    assert not gateway.catalog.stopped


async def test_requests_that_cannot_be_made_stop_nothing(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    await fail(gateway, replace(pass_, seed=POISON), 2 * ENOUGH)
    await eventually(lambda: triton.n_trials > 0)
    await hold(lambda: not gateway.catalog.stopped)


async def test_some_failures_between_sounds_ask_for_nothing(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    for _ in range(3):
        await fail(gateway, replace(pass_, seed=POISON), ENOUGH - 1)
        await collect(gateway.stream(pass_, name_pass("x")))
    await hold(lambda: triton.n_trials == 0)


@pytest.mark.parametrize("error", [Overloaded("full", retry_after_s=1.0), InvalidRequest("no")])
async def test_a_full_triton_has_not_stopped(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass, error: TritoneError
) -> None:
    triton.error = error
    await fail(gateway, pass_, 2 * ENOUGH)
    await hold(lambda: not gateway.catalog.stopped and triton.n_trials == 0)


async def test_silence_is_no_sound(triton: Moody, gateway: SoundWatch, pass_: SoundPass) -> None:
    triton.is_silent = True
    await fail(gateway, replace(pass_, seed=POISON))
    await eventually(lambda: "silence" in gateway.catalog.stopped.get(pass_.card.name, ""))


async def test_a_voice_is_asked_to_speak(
    triton: Moody, gateway: SoundWatch, speech_pass: SpeechPass
) -> None:
    triton.error = BUG
    await fail(gateway, speech_pass)
    await eventually(lambda: list(gateway.catalog.stopped) == [TALKER.name])
    triton.error = None
    await eventually(lambda: not gateway.catalog.stopped)
    assert triton.speech_passes[-1].text == TALKER.trial_text


async def test_a_model_that_is_unloaded_is_not_asked_any_more(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    triton.error = BUG
    await fail(gateway, pass_)
    await eventually(lambda: bool(gateway.catalog.stopped))
    triton.catalog = Catalog(speech_cards=(TALKER,))
    await eventually(lambda: not gateway._trials)
    assert not gateway.catalog.stopped


async def test_a_callers_silence_does_not_end_a_stop(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    triton.is_silent = True
    await fail(gateway, replace(pass_, seed=POISON))
    await eventually(lambda: bool(gateway.catalog.stopped))
    await collect(gateway.stream(pass_, name_pass("x")))
    assert gateway.catalog.stopped


async def test_what_another_server_speaks_never_stops_here(
    triton: Moody, gateway: SoundWatch, speech_pass: SpeechPass
) -> None:
    foreign = replace(TALKER, engine="upstream")
    triton.catalog, triton.error = Catalog(speech_cards=(foreign,)), BUG
    await fail(gateway, replace(speech_pass, card=foreign), 2 * ENOUGH)
    await hold(lambda: not gateway.catalog.stopped and triton.n_trials == 0)


async def test_a_trial_that_is_late_behind_the_sounds_of_callers_proves_nothing(
    triton: Moody, gateway: SoundWatch, pass_: SoundPass
) -> None:
    long = gateway.stream(pass_, name_pass("long"))
    await anext(aiter(long))
    await fail(gateway, replace(pass_, seed=POISON))
    triton.error = DeadlineExceeded()
    await eventually(lambda: triton.n_trials > 0)
    await hold(lambda: not gateway.catalog.stopped)
    await long.aclose()
    await eventually(lambda: bool(gateway.catalog.stopped))


async def test_a_doubt_of_another_process_is_looked_into(
    triton: Moody, gateway: SoundWatch, card: ModelCard
) -> None:
    gateway.doubt("nobody")
    gateway.doubt(card.name)
    await eventually(lambda: triton.n_trials == 1)
    await hold(lambda: triton.n_trials == 1 and not gateway.catalog.stopped)
    triton.error = BUG
    gateway.doubt(card.name)
    await eventually(lambda: list(gateway.catalog.stopped) == [card.name])


async def test_what_has_stopped_is_told_until_it_sounds_again(
    triton: Moody, pass_: SoundPass
) -> None:
    told: list[str] = []

    async def tell(model: str) -> None:
        told.append(model)

    gateway = SoundWatch(triton, SETTINGS, tell)
    triton.error = BUG
    await fail(gateway, pass_)
    await eventually(lambda: told[:2] == [pass_.card.name] * 2)
    await gateway.close()
