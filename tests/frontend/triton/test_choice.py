from collections import Counter
from dataclasses import dataclass

from frontend.triton.choice import choose_of_two
from frontend.triton.gateway import Catalog
from frontend.triton.pool_members import Member
from tests.frontend.triton.network import FakeTriton

MODEL = "starter"
N = 2000


def member(address: str, *, n_passes: int = 0, weight: float = 1.0) -> Member:
    triton = FakeTriton(Catalog(), foreign_passes=n_passes)
    return Member(address, triton, clock=lambda: 0.0, weight=weight)


async def count_choices(members: list[Member], now: float = 0.0) -> Counter[str]:
    chosen = [await choose_of_two(members, MODEL, now) for _ in range(N)]
    return Counter(each.address for each in chosen if each is not None)


async def test_nobody_is_chosen_of_none() -> None:
    assert await choose_of_two([], MODEL, now=0.0) is None


async def test_of_two_the_less_loaded_is_chosen() -> None:
    busy, idle = member("busy", n_passes=3), member("idle", n_passes=2)
    assert (await count_choices([busy, idle])) == {"idle": N}


async def test_of_many_the_least_loaded_does_not_draw_everything() -> None:
    members = [member(str(n), n_passes=n) for n in range(10)]
    counted = await count_choices(members)
    assert 0.15 < counted["0"] / N < 0.25  # it is among two of ten with probability 0.2
    assert counted["9"] == 0


async def test_passes_of_others_weigh_as_much_as_ours() -> None:
    ours, others = member("ours"), member("others", n_passes=1)
    ours.pass_ids |= {"a", "b"}
    assert (await count_choices([ours, others])) == {"others": N}


async def test_a_heavier_one_gets_passes_in_proportion() -> None:
    strong, weak = member("strong", n_passes=5, weight=2.0), member("weak", n_passes=3)
    assert (await count_choices([strong, weak])) == {"strong": N}  # 6/2 < 4/1
    idle = [member("strong", weight=3.0), *(member(str(n)) for n in range(8))]
    assert (await count_choices(idle))[
        "strong"
    ] / N > 0.4  # drawn about three times as often as another


async def test_one_in_its_slow_start_is_mostly_left_out() -> None:
    old, back = member("old", n_passes=9), member("back")
    back.up_since = 0.0
    assert 0.05 < (await count_choices([old, back]))["back"] / N < 0.16
    assert (await count_choices([old, back], now=60.0)) == {"back": N}


async def test_where_all_are_in_their_slow_start_nobody_is_left_out() -> None:
    members = [member("a"), member("b", n_passes=1)]
    for each in members:
        each.up_since = 0.0
    assert await count_choices(members) == {"a": N}


async def test_two_that_others_use_are_asked_how_many_passes_they_have_now() -> None:
    @dataclass
    class Asked(FakeTriton):
        async def count_foreign_passes(self, model: str) -> None:
            self.foreign_passes = 5

    stale = Member("stale", Asked(Catalog(), foreign_passes=1), clock=lambda: 0.0)
    chosen = await choose_of_two([stale, member("busy", n_passes=3)], MODEL, now=0.0)
    assert chosen is not None
    assert chosen.address == "busy"


async def test_where_nobody_else_uses_them_nobody_is_asked() -> None:
    members = [member("a"), member("b")]
    await count_choices(members)
    assert [each.gateway.n_counts for each in members] == [0, 0]  # type: ignore[attr-defined]
