import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
    TritoneError,
)
from frontend.observe.metrics import Metrics
from frontend.triton.gateway import Catalog, Progress, SoundPass, SpeechPass, collect
from frontend.triton.pool import TritonPool
from tests.frontend.triton.network import (
    AWAY,
    FULL,
    REFRESH_S,
    SETTINGS,
    BreakingTriton,
    Network,
    name_pass,
)
from tests.frontend.triton.servers import eventually
from tritone.addresses import Unresolved
from tritone.card import ModelCard


@pytest.fixture
async def pool(network: Network) -> AsyncIterator[TritonPool]:
    """A pool that the test opens once its network stands."""
    pool = TritonPool(network.resolve, network.tritons.__getitem__, SETTINGS, Metrics())
    yield pool
    await pool.close()


async def test_a_pass_goes_to_the_triton_with_the_fewest(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    await pool.open()
    one.gate = other.gate = asyncio.Event()
    long = asyncio.create_task(collect(pool.stream(pass_, name_pass("long"))))
    await eventually(lambda: len(one.options) + len(other.options) == 1)
    busy, idle = (one, other) if one.options else (other, one)
    idle.gate = None
    for n in range(5):
        await collect(pool.stream(pass_, name_pass(f"short {n}")))
    assert (len(busy.options), len(idle.options)) == (1, 5)
    assert busy.gate is not None
    busy.gate.set()
    await long


async def test_many_passes_at_once_are_shared_evenly(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    tritons = [network.add(f"{name}:1") for name in "abc"]
    await pool.open()
    gate = asyncio.Event()
    for triton in tritons:
        triton.gate = gate
    passes = [
        asyncio.create_task(collect(pool.stream(pass_, name_pass(str(n))))) for n in range(12)
    ]
    await eventually(lambda: sum(len(triton.options) for triton in tritons) == 12)
    assert max(len(triton.options) for triton in tritons) <= 6  # by lot, but never more
    gate.set()
    assert len(await asyncio.gather(*passes)) == 12


async def test_idle_tritons_take_turns_by_lot(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    tritons = [network.add("a:1"), network.add("b:1")]
    await pool.open()
    for n in range(64):
        await collect(pool.stream(pass_, name_pass(str(n))))
    assert min(len(triton.options) for triton in tritons) > 8  # fails once in 10^9 runs


async def test_a_slow_triton_gets_less(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    slow, fast = network.add("a:1"), network.add("b:1")
    slow.delay_s, fast.delay_s = 0.2, 0.002
    await pool.open()
    waiting = iter(range(40))

    async def client() -> None:
        for n in waiting:
            await collect(pool.stream(pass_, name_pass(str(n))))

    await asyncio.gather(client(), client())
    assert len(slow.options) < 8 < len(fast.options)


@pytest.mark.parametrize("error", [AWAY, FULL, GenerationFailed("bug")])
async def test_what_one_refuses_another_is_given_once(
    network: Network, pool: TritonPool, pass_: SoundPass, error: TritoneError
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    await pool.open()
    one.error = error
    results = [await collect(pool.stream(pass_, name_pass(str(n)))) for n in range(8)]
    assert len(results) == 8
    assert len(other.options) == 8


async def test_what_two_refuse_is_refused(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    tritons = [network.add(f"{name}:1") for name in "abc"]
    await pool.open()
    for triton in tritons:
        triton.error = AWAY
    with pytest.raises(BackendUnavailable):
        await collect(pool.stream(pass_, name_pass("job")))
    assert sum(len(triton.options) for triton in tritons) == 2


async def test_each_cause_of_a_failure_is_given_another_one_once(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    """What a sick one fails at may meet one that dies in the same second."""
    errors = (AWAY, FULL, GenerationFailed("CUDA"))
    tritons = [network.add(f"{n}:1") for n in range(4)]
    await pool.open()
    for triton, error in zip(tritons, errors, strict=False):
        triton.error = error
    for n in range(20):
        await collect(pool.stream(pass_, name_pass(f"{n}")))
    assert len(tritons[-1].options) == 20


async def test_a_second_try_is_not_given_to_one_that_failed_before(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    sick = [network.add(f"sick{n}:1") for n in range(2)]
    network.add("well:1")
    await pool.open()
    for member in pool.members[:2]:
        member.standings[pass_.card.name].fail("before")
    for triton in sick:
        triton.error = GenerationFailed("CUDA")
    for n in range(20):
        await collect(pool.stream(pass_, name_pass(f"{n}")))
    assert all(triton.options for triton in sick)


async def test_the_second_try_gets_only_the_time_that_is_left(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    tritons = [network.add("a:1"), network.add("b:1")]
    await pool.open()
    for triton in tritons:
        triton.error, triton.delay_s = AWAY, 0.05
    with pytest.raises(BackendUnavailable):
        await collect(pool.stream(pass_, name_pass("job", timeout_s=1.0)))
    first, second = sorted(t.options[0].timeout_s for t in tritons)[::-1]
    assert first == 1.0
    assert second <= 0.95
    for triton in tritons:
        triton.options.clear()
    with pytest.raises(DeadlineExceeded):
        await collect(pool.stream(pass_, name_pass("job", timeout_s=0.02)))
    assert sum(len(triton.options) for triton in tritons) == 1


async def test_a_triton_that_refused_is_left_out_until_it_answers_a_look(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    one, _ = network.add("a:1"), network.add("b:1")
    await pool.open()
    one.error = one.unreachable = AWAY
    for n in range(20):
        await collect(pool.stream(pass_, name_pass(str(n))))
    assert len(one.options) <= 1
    one.error = one.unreachable = None
    n_before = len(one.options)
    await eventually(lambda: all(member.is_up for member in pool.members))
    n = 0
    while len(one.options) - n_before <= 8:  # it gets few at first; pytest ends what never comes
        n += 1
        await collect(pool.stream(pass_, name_pass(f"later {n}")))


async def test_a_triton_that_is_away_is_looked_for_soon(network: Network) -> None:
    triton = network.add("a:1")
    triton.unreachable = AWAY
    settings = SETTINGS.model_copy(update={"refresh_s": 300.0})
    pool = TritonPool(network.resolve, network.tritons.__getitem__, settings, Metrics())
    await pool.open()
    triton.unreachable = None
    await eventually(lambda: all(member.is_up for member in pool.members))
    await pool.close()


async def test_when_nobody_is_known_to_be_up_somebody_is_tried_all_the_same(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    triton = network.add("a:1")
    await pool.open()
    pool.members[0].is_up = False
    assert (await collect(pool.stream(pass_, name_pass("job")))).model_version == "1"
    triton.error = triton.unreachable = AWAY
    with pytest.raises(BackendUnavailable):
        await pool.refresh()
    with pytest.raises(BackendUnavailable):
        await collect(pool.stream(pass_, name_pass("job")))
    assert pool.catalog.cards == network.catalog.cards  # as last seen


async def test_an_empty_list_is_an_unavailable_triton(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    network.listed = Unresolved("tritons has no addresses")
    await pool.open()
    assert pool.catalog == Catalog()
    with pytest.raises(BackendUnavailable):
        await pool.refresh()
    with pytest.raises(BackendUnavailable):
        await collect(pool.stream(pass_, name_pass("job")))


async def test_the_catalog_is_the_union_of_those_that_answer(
    network: Network, pool: TritonPool, card: ModelCard
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    bells, rain, wind = (replace(card, name=name) for name in ("bells", "rain", "wind"))
    one.catalog = Catalog(cards=(rain,), away=frozenset({"bells", "hail"}))
    other.catalog = Catalog(cards=(bells, wind))
    await pool.open()
    both = Catalog(cards=(bells, rain, wind), away=frozenset({"hail"}))
    assert pool.catalog == await pool.refresh() == both
    other.unreachable = AWAY
    away = frozenset({"bells", "hail", "wind"})
    rest = Catalog(
        cards=(rain,), away=away, missed=(bells, wind), left_out={"b:1": "does not answer"}
    )
    assert await pool.refresh() == rest


async def test_a_pass_goes_only_where_its_very_model_is(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    old, new = network.add("a:1"), network.add("b:1")
    changed = replace(pass_.card, default_steps=99)
    new.catalog = Catalog(cards=(changed,))
    await pool.open()
    for n in range(6):
        await collect(pool.stream(pass_, name_pass(str(n))))
        await collect(pool.stream(replace(pass_, card=changed), name_pass(f"new {n}")))
    assert Counter(r.card.default_steps for r in old.passes) == {20: 6}
    assert Counter(r.card.default_steps for r in new.passes) == {99: 6}


async def test_control_requests_go_to_the_triton_that_has_the_pass(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    tritons = [network.add(f"{name}:1") for name in "abc"]
    await pool.open()
    gate = asyncio.Event()
    for triton in tritons:
        triton.gate = gate
    running = asyncio.create_task(collect(pool.stream(pass_, name_pass("job"))))
    await eventually(lambda: any(triton.options for triton in tritons))
    assert await pool.progress("starter", "job") == Progress(1, 2)
    await pool.cancel("starter", "job")
    assert [t.cancelled for t in tritons if t.options] == [["job"]]
    assert [t.cancelled for t in tritons if not t.options] == [[], []]
    gate.set()
    await running
    await pool.cancel("starter", "of another process")
    assert all("of another process" in triton.cancelled for triton in tritons)
    assert await pool.progress("starter", "of another process") is None


async def test_cancelling_the_task_cancels_the_pass_and_frees_the_triton(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    triton = network.add("a:1")
    await pool.open()
    triton.gate = asyncio.Event()
    running = asyncio.create_task(collect(pool.stream(pass_, name_pass("job"))))
    await eventually(lambda: bool(triton.options))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert triton.cancelled == ["job"]
    assert not pool.members[0].pass_ids


async def test_a_new_address_is_used_and_one_that_left_finishes_its_passes(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    old = network.add("a:1")
    await pool.open()
    old.gate = asyncio.Event()
    running = asyncio.create_task(collect(pool.stream(pass_, name_pass("long"))))
    await eventually(lambda: bool(old.options))
    new = network.add("b:1")
    network.listed = ["b:1"]
    await eventually(lambda: [member.address for member in pool.members] == ["b:1"])
    await eventually(lambda: pool.members[0].is_up)
    for n in range(6):
        await collect(pool.stream(pass_, name_pass(str(n))))
    assert (len(old.options), len(new.options)) == (1, 6)
    await pool.cancel("starter", "long")
    assert old.cancelled == ["long"]
    assert not old.is_closed
    old.gate.set()
    await running
    await eventually(lambda: old.is_closed)


async def test_an_address_that_comes_back_is_used_again(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    triton = network.add("a:1")
    await pool.open()
    network.listed = []
    await eventually(lambda: triton.is_closed)
    network.add("a:1")
    await eventually(lambda: any(member.is_up for member in pool.members))
    await collect(pool.stream(pass_, name_pass("job")))
    assert len(network.tritons["a:1"].options) == 1


async def test_a_resolver_that_is_away_takes_nobody_away(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    triton = network.add("a:1")
    await pool.open()
    network.listed = Unresolved("the resolver is away")
    await asyncio.sleep(5 * REFRESH_S)
    await collect(pool.stream(pass_, name_pass("job")))
    assert not triton.is_closed


async def test_closing_closes_every_member_and_ends_every_task(
    network: Network, pool: TritonPool
) -> None:
    tritons = [network.add("a:1"), network.add("b:1")]
    before = asyncio.all_tasks()
    await pool.open()
    await pool.close()
    assert all(triton.is_closed for triton in tritons)
    await eventually(lambda: asyncio.all_tasks() == before)


async def test_what_was_begun_is_not_tried_elsewhere(
    network: Network, pool: TritonPool, speech_pass: SpeechPass
) -> None:
    for address in ("a:1", "b:1"):
        network.add(address, BreakingTriton(Catalog(speech_cards=(speech_pass.card,))))
    await pool.open()
    chunks = pool.stream(speech_pass, name_pass("job"))
    await anext(chunks)
    with pytest.raises(BackendUnavailable):
        await anext(chunks)
    assert sum(len(triton.options) for triton in network.tritons.values()) == 1
