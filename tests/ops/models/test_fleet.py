"""Versions over three Tritons: order, taking back, and who follows."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ops.errors import TritonCallFailed
from ops.models.actions import Operator
from ops.models.errors import ModelsError
from ops.models.fleet import Fleet
from ops.models.fleet_store import FleetStore
from tests.ops.models.triton import Answer, FakeTriton
from tests.sleeping import replace_sleep
from tritone.card import ModelCard
from tritone.fleet import FleetState, Wanted
from tritone.pcm import Pcm
from tritone.versions import VERSIONS_PARAMETER, Lineup

ADDRESSES = ("a:8001", "b:8001", "c:8001")


def tone(hz: float) -> Pcm:
    wave = 8_000 * np.sin(2 * np.pi * hz / 16_000 * np.arange(80_000))
    pcm: Pcm = wave.astype(np.int16)[np.newaxis]
    return pcm


@dataclass
class Triton(FakeTriton):
    """One whose versions are good unless they are said to be bad, and that may be away."""

    bad: set[str] = field(default_factory=set)  # Triton names that answer with silence
    is_away: bool = False
    n_asked: int = 0

    async def ask(self, model: str, *_: object) -> list[Answer]:
        self.n_asked += 1
        return [Answer(tone(400.0 + 50 * self.n_asked) * (model not in self.bad))]

    async def states(self) -> list[tuple[str, str, str, str]]:
        if self.is_away:
            raise TritonCallFailed("failed to connect")
        return await super().states()

    @property
    def lineup(self) -> Lineup:
        parameters = self.configs["starter"].parameters
        if VERSIONS_PARAMETER not in parameters:
            return Lineup()
        return Lineup.from_json(parameters[VERSIONS_PARAMETER].string_value)


@pytest.fixture
def tritons(card: ModelCard) -> list[Triton]:
    return [Triton(card, on_disk={1, 2, 3}) for _ in ADDRESSES]


@pytest.fixture
def store(tmp_path: Path) -> FleetStore:
    return FleetStore(str(tmp_path / "fleet.json"))


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fleet(tritons: list[Triton], store: FleetStore, said: list[str]) -> Fleet:
    return Fleet(operators=operators(tritons), store=store, look_s=0.0, say=said.append)


def operators(tritons: Iterable[Triton]) -> dict[str, Operator]:
    return {
        address: Operator(
            control=triton.control,
            repository=None,
            timeout_s=1.0,
            look_s=0.0,
            needs_fingerprint=False,
        )
        for address, triton in zip(ADDRESSES, tritons, strict=False)
    }


def versions(tritons: list[Triton]) -> list[set[int]]:
    return [triton.pinned() for triton in tritons]


async def test_a_promotion_goes_over_all_in_order_and_is_stated(
    fleet: Fleet, tritons: list[Triton], said: list[str]
) -> None:
    await fleet.promote("starter", 2)
    assert versions(tritons) == [{2}] * 3
    assert all(triton.n_asked == 2 for triton in tritons)  # each was tried with two prompts
    assert [line for line in said if line[:6] in ADDRESSES] == [
        f"{address}: version 2 of starter" for address in ADDRESSES
    ]
    state = await fleet.store.read()
    assert state.models["starter"] == Wanted(version=2, lineup=Lineup(previous=1))


@pytest.mark.parametrize("n_bad", [0, 1, 2])
async def test_where_one_refuses_all_are_taken_back(
    fleet: Fleet, tritons: list[Triton], n_bad: int
) -> None:
    tritons[n_bad].bad.add("starter@2")
    with pytest.raises(
        ModelsError, match=f"{ADDRESSES[n_bad]}: .* is silent.*every Triton is back"
    ):
        await fleet.promote("starter", 2)
    assert versions(tritons) == [{1}] * 3
    assert all(triton.lineup == Lineup() for triton in tritons)
    assert all(triton.loaded["starter_denoiser"] == {1} for triton in tritons)
    assert all(triton.n_asked == 0 for triton in tritons[n_bad + 1 :])  # not even begun
    assert await fleet.store.read() == FleetState()


async def test_an_interrupted_command_is_taken_back(fleet: Fleet, tritons: list[Triton]) -> None:
    hanging = asyncio.Event()

    async def hang(*_: object) -> list[Answer]:
        hanging.set()
        await asyncio.Event().wait()
        return []

    tritons[1].ask = hang  # type: ignore[method-assign, assignment]
    promoting = asyncio.create_task(fleet.promote("starter", 2))
    await hanging.wait()
    during = await fleet.store.read()
    assert during.models["starter"] == Wanted(version=1, coming=2)
    promoting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await promoting
    assert versions(tritons) == [{1}] * 3
    assert await fleet.store.read() == FleetState()


async def test_what_cannot_be_taken_back_is_named(fleet: Fleet, tritons: list[Triton]) -> None:
    tritons[1].bad.add("starter@2")

    async def refuse(*_: object, **__: object) -> None:
        raise TritonCallFailed("away")

    async def ask_and_break(model: str, *_: object) -> list[Answer]:
        tritons[0].load = refuse  # type: ignore[method-assign]
        return await Triton.ask(tritons[1], model)

    tritons[1].ask = ask_and_break  # type: ignore[method-assign]
    with pytest.raises(ModelsError, match="a:8001 was not taken back: "):
        await fleet.promote("starter", 2)


async def test_a_rollback_goes_over_all_and_back_again(fleet: Fleet, tritons: list[Triton]) -> None:
    await fleet.promote("starter", 2)
    await fleet.rollback("starter")
    assert versions(tritons) == [{1}] * 3
    await fleet.rollback("starter")
    assert versions(tritons) == [{2}] * 3


async def test_without_a_previous_version_there_is_no_way_back(fleet: Fleet) -> None:
    with pytest.raises(ModelsError, match="no version of starter to roll back to"):
        await fleet.rollback("starter")


async def test_a_canary_gets_its_share_everywhere_and_may_be_promoted(
    fleet: Fleet, tritons: list[Triton]
) -> None:
    await fleet.canary("starter", 2, 0.25)
    assert versions(tritons) == [{1}] * 3
    assert all(triton.lineup.candidates == {2: 0.25} for triton in tritons)
    await fleet.canary("starter", 2, 0.5)
    assert all(triton.lineup.candidates == {2: 0.5} for triton in tritons)
    assert all(triton.n_asked == 2 for triton in tritons)  # not tried again
    with pytest.raises(ModelsError, match="too much already"):
        await fleet.canary("starter", 3, 0.75)
    with pytest.raises(ModelsError, match="version 1 of starter serves"):
        await fleet.canary("starter", 1, 0.1)
    await fleet.promote("starter", 2)
    assert versions(tritons) == [{2}] * 3
    assert all(triton.lineup == Lineup(previous=1) for triton in tritons)
    assert all(triton.n_asked == 4 for triton in tritons)  # once more, before it answers everybody


async def test_a_version_that_was_only_loaded_is_tried_before_it_is_promoted(
    fleet: Fleet, tritons: list[Triton]
) -> None:
    await fleet.load("starter", 2)
    tritons[1].bad.add("starter@2")
    with pytest.raises(ModelsError, match="b:8001: starter@2 is silent"):
        await fleet.promote("starter", 2)
    assert versions(tritons) == [{1}] * 3


async def test_one_that_is_away_follows_when_it_is_back(
    fleet: Fleet, tritons: list[Triton], said: list[str]
) -> None:
    tritons[1].is_away = True
    await fleet.promote("starter", 2)
    assert "b:8001: Triton does not answer: failed to connect" in said
    assert versions(tritons) == [{2}, {1}, {2}]
    tritons[1].is_away = False
    assert await fleet.follow() == ["b:8001 serves version 2 of starter now"]
    assert versions(tritons) == [{2}] * 3
    assert tritons[1].lineup == Lineup(previous=1)
    assert await fleet.follow() == []


async def test_a_newcomer_is_tried_before_it_serves_what_the_fleet_does(
    fleet: Fleet, tritons: list[Triton], card: ModelCard, store: FleetStore
) -> None:
    await fleet.promote("starter", 2)
    await fleet.canary("starter", 3, 0.1)
    newcomer = Triton(card, on_disk={1, 2, 3}, bad={"starter@2"})
    grown = Fleet(operators=operators([newcomer]), store=store, look_s=0.0)
    (line,) = await grown.follow()
    assert line.startswith("a:8001: starter@2 is silent")
    assert newcomer.pinned() == {1}
    newcomer.bad.clear()
    await grown.follow()
    assert newcomer.pinned() == {2}
    assert newcomer.lineup == Lineup(previous=1, candidates={3: 0.1})


async def test_a_version_is_loaded_and_unloaded_everywhere(
    fleet: Fleet, tritons: list[Triton]
) -> None:
    await fleet.load("starter", 2)
    assert await fleet.load("starter", 2) == (await fleet.store.read()).models["starter"]
    assert all(triton.lineup.candidates == {2: 0.0} for triton in tritons)
    assert all(triton.loaded["starter_denoiser"] == {1, 2} for triton in tritons)
    await fleet.unload("starter", 2)
    assert all(triton.loaded["starter_denoiser"] == {1} for triton in tritons)
    assert await fleet.follow() == []


async def test_unloading_ends_canaries_and_gives_up_the_version_before(
    fleet: Fleet, tritons: list[Triton]
) -> None:
    await fleet.promote("starter", 2)
    await fleet.canary("starter", 3, 0.25)
    await fleet.unload("starter", 1)
    assert all(triton.lineup == Lineup(candidates={3: 0.25}) for triton in tritons)
    await fleet.unload("starter", 3)
    assert all(triton.lineup == Lineup() for triton in tritons)
    assert all(triton.loaded["starter_denoiser"] == {2} for triton in tritons)
    with pytest.raises(ModelsError, match="version 2 of starter serves"):
        await fleet.unload("starter", 2)
    with pytest.raises(ModelsError, match="does not have version 3 of starter loaded"):
        await fleet.unload("starter", 3)


async def test_frontends_have_looked_before_the_first_change_and_after_the_last(
    fleet: Fleet, tritons: list[Triton], monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[tuple[Wanted, list[set[int]]]] = []

    async def wait(_seconds: float) -> None:
        states.append(((await fleet.store.read()).models["starter"], versions(tritons)))

    replace_sleep(monkeypatch, wait)
    await fleet.promote("starter", 2)
    after = Wanted(version=2, lineup=Lineup(previous=1))
    assert states[0] == (Wanted(version=1, coming=2), [{1}] * 3)
    assert states[-1] == (after, [{2}] * 3)


async def test_all_that_are_behind_follow_at_once(
    fleet: Fleet, tritons: list[Triton], store: FleetStore
) -> None:
    together = asyncio.Barrier(len(tritons))

    async def ask(triton: Triton, model: str, *_: object) -> list[Answer]:
        await together.wait()
        return await Triton.ask(triton, model)

    for triton in tritons:
        triton.ask = partial(ask, triton)  # type: ignore[method-assign]
    await store.write(FleetState({"starter": Wanted(version=2)}))
    async with asyncio.timeout(30):
        assert len(await fleet.follow()) == len(tritons)
    assert versions(tritons) == [{2}] * 3


async def test_nobody_follows_while_a_command_is_at_it(
    fleet: Fleet, tritons: list[Triton], store: FleetStore
) -> None:
    await store.write(FleetState({"starter": Wanted(version=2, coming=3)}))
    assert await fleet.follow() == []
    assert versions(tritons) == [{1}] * 3


async def test_without_any_triton_nothing_is_stated(fleet: Fleet, tritons: list[Triton]) -> None:
    for triton in tritons:
        triton.is_away = True
    with pytest.raises(ModelsError, match="c:8001: Triton does not answer"):
        await fleet.promote("starter", 2)
    assert await fleet.store.read() == FleetState()
