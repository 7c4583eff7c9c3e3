"""A pool gives passes only to Tritons that serve what the fleet shall."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from frontend.errors import BackendUnavailable
from frontend.observe.metrics import Metrics
from frontend.triton.fleet import FleetWatch
from frontend.triton.gateway import Catalog, SoundPass, collect
from frontend.triton.pool import TritonPool
from tests.cards import TALKER
from tests.frontend.triton.network import AWAY, REFRESH_S, SETTINGS, FakeTriton, Network, name_pass
from tests.frontend.triton.servers import eventually
from tritone.fleet import FleetState, Wanted


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fleet.json"


@pytest.fixture
async def pool(network: Network, file: Path) -> AsyncIterator[TritonPool]:
    settings = SETTINGS.model_copy(update={"fleet": str(file)})
    pool = TritonPool(network.resolve, network.tritons.__getitem__, settings, Metrics())
    yield pool
    await pool.close()


def serve(triton: FakeTriton, version: int) -> None:
    triton.catalog = replace(triton.catalog, versions={"starter": version})
    triton.model_version = str(version)


def state(file: Path, wanted: Wanted) -> None:
    write(file, FleetState({"starter": wanted}).to_json())


def write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


async def count_passes(pool: TritonPool, pass_: SoundPass, *tritons: FakeTriton) -> list[int]:
    """Return how many of so many further passes each Triton got."""
    before = [len(triton.options) for triton in tritons]
    for n in range(40):
        await collect(pool.stream(pass_, name_pass(f"{n}")))
    return [len(triton.options) - n for triton, n in zip(tritons, before, strict=True)]


async def test_a_newcomer_with_an_old_version_gets_no_passes_until_it_has_followed(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    old, new = network.add("old:1"), network.add("new:1")
    serve(old, 1)
    serve(new, 2)
    state(file, Wanted(version=2))
    await pool.open()
    assert await count_passes(pool, pass_, old, new) == [0, 40]
    assert pool.catalog.left_out == {"old:1": "serves version 1 of starter, the fleet version 2"}
    serve(old, 2)
    assert not pool.catalog.left_out
    assert min(await count_passes(pool, pass_, old, new)) > 4


async def test_during_a_rollout_both_versions_get_passes(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    serve(one, 1)
    serve(other, 2)
    state(file, Wanted(version=1, coming=2))
    await pool.open()
    assert min(await count_passes(pool, pass_, one, other)) > 4
    state(file, Wanted(version=2))
    await eventually(lambda: "a:1" in pool.catalog.left_out)
    assert await count_passes(pool, pass_, one, other) == [0, 40]


async def test_no_sound_is_better_than_one_of_another_version(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    only = network.add("a:1")
    serve(only, 1)
    state(file, Wanted(version=2))
    await pool.open()
    assert not pool.catalog.cards
    assert pool.catalog.away == {"starter"}
    assert pool.catalog.missed == network.catalog.cards
    with pytest.raises(BackendUnavailable):
        await collect(pool.stream(pass_, name_pass("")))
    assert not only.options


async def test_a_voice_of_another_version_is_held_back_too(file: Path) -> None:
    watch = FleetWatch(str(file), REFRESH_S)
    write(file, FleetState({TALKER.name: Wanted(version=2)}).to_json())
    await watch.look()
    old = Catalog(speech_cards=(TALKER,), versions={TALKER.name: 1})
    held = watch.hold_back(old)
    assert (held.speech_cards, held.missed) == ((), (TALKER,))
    new = replace(old, versions={TALKER.name: 2})
    assert watch.hold_back(new) == new


async def test_the_card_is_that_of_the_version_that_is_stated(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    old, new = network.add("a:1"), network.add("b:1")
    newer = replace(pass_.card, default_steps=pass_.card.default_steps + 1)
    new.catalog = Catalog(cards=(newer,))
    serve(old, 1)
    serve(new, 2)
    state(file, Wanted(version=2))
    await pool.open()
    assert pool.catalog.cards == (newer,)
    assert await count_passes(pool, replace(pass_, card=newer), old, new) == [0, 40]


async def test_what_a_triton_answers_that_restarted_since_the_last_look_is_not_given_out(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    restarted, other = network.add("a:1"), network.add("b:1")
    for triton in (restarted, other):
        serve(triton, 2)
    state(file, Wanted(version=2))
    await pool.open()
    restarted.model_version, restarted.unreachable = "1", AWAY  # nor is it seen at a look
    given = [await collect(pool.stream(pass_, name_pass(f"{n}"))) for n in range(40)]
    assert {each.model_version for each in given} == {"2"}
    assert len(restarted.options) == 1


async def test_a_pass_that_was_given_before_a_change_may_end_on_the_old_version(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    only = network.add("a:1")
    serve(only, 1)
    state(file, Wanted(version=1, coming=2))
    await pool.open()
    only.gate = asyncio.Event()
    under_way = asyncio.create_task(collect(pool.stream(pass_, name_pass("old"))))
    await eventually(lambda: bool(only.options))
    state(file, Wanted(version=2))
    only.catalog = replace(only.catalog, versions={"starter": 2})
    await eventually(lambda: not pool.catalog.left_out and bool(pool.catalog.cards))
    only.gate.set()
    assert (await under_way).model_version == "1"


async def test_candidates_answer_and_a_change_that_was_not_read_yet_is_read_before_a_refusal(
    network: Network, pool: TritonPool, pass_: SoundPass, file: Path
) -> None:
    only = network.add("a:1")
    serve(only, 1)
    only.catalog = replace(only.catalog, candidates={"starter": frozenset({"3"})})
    state(file, Wanted(version=1))
    await pool.open()
    only.model_version = "3"
    assert (await collect(pool.stream(pass_, name_pass("a")))).model_version == "3"
    state(file, Wanted(version=1, coming=2))
    only.model_version = "2"
    assert (await collect(pool.stream(pass_, name_pass("b")))).model_version == "2"


async def test_where_nothing_is_stated_every_version_may_serve(
    network: Network, pool: TritonPool, pass_: SoundPass
) -> None:
    one, other = network.add("a:1"), network.add("b:1")
    serve(one, 1)
    serve(other, 2)
    await pool.open()
    assert min(await count_passes(pool, pass_, one, other)) > 4


async def test_a_file_that_cannot_be_read_changes_nothing(file: Path) -> None:
    watch = FleetWatch(str(file), REFRESH_S)
    state(file, Wanted(version=2))
    await watch.look()
    write(file, "half a fi")
    await watch.look()
    assert watch.state.models["starter"].version == 2
    write(file, None)
    await watch.look()
    assert watch.state == FleetState()
