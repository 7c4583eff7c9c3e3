from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from frontend.webhooks.turns import DeliverySlots, DueDelivery


def due(owner: str, hosts: list[str], *, is_probe: bool = False) -> list[DueDelivery]:
    return [
        DueDelivery(id=f"{owner}-{n}-{host}", owner=owner, host=host, is_probe=is_probe)
        for n, host in enumerate(hosts)
    ]


def many_hosts(owner: str, n_hosts: int) -> list[DueDelivery]:
    return due(owner, [f"{owner}{n}.example.com" for n in range(n_hosts)])


def owners_of(chosen: list[DueDelivery]) -> Counter[str]:
    return Counter(each.owner for each in chosen)


def test_an_owner_takes_half_of_the_slots_and_the_next_leaves_some_for_newcomers() -> None:
    slots = DeliverySlots(total=32, per_host=8)
    assert len(slots.take_turns(many_hosts("a", 600))) == 16
    assert len(slots.take_turns(many_hosts("b", 600))) == 12
    assert len(slots.take_turns(many_hosts("c", 600))) == 1
    assert len(slots.take_turns(many_hosts("d", 600))) == 1


def test_a_host_gets_its_slots_and_an_owner_half_of_them() -> None:
    slots = DeliverySlots(total=100, per_host=8)
    assert len(slots.take_turns(due("a", ["same"] * 50))) == 4
    assert len(slots.take_turns(due("b", ["same"] * 50))) == 3
    assert len(slots.take_turns(due("c", ["same"] * 50))) == 1
    assert slots.take_turns(due("d", ["same"] * 50)) == []
    assert len(slots.take_turns(due("d", ["other"] * 50))) == 4


def test_a_busy_host_does_not_hold_up_the_owners_other_hosts() -> None:
    slots = DeliverySlots(total=32, per_host=2)
    chosen = slots.take_turns(due("a", ["busy", "busy", "busy", "free"]))
    assert [each.host for each in chosen] == ["busy", "free"]


def test_owners_take_turns() -> None:
    slots = DeliverySlots(total=8, per_host=8)
    chosen = slots.take_turns([*many_hosts("a", 10), *many_hosts("b", 10), *many_hosts("c", 10)])
    assert [each.owner for each in chosen][:6] == ["a", "b", "c", "a", "b", "c"]
    assert max(owners_of(chosen).values()) <= 3


def test_a_silent_host_is_tried_by_one_at_a_time() -> None:
    slots = DeliverySlots(total=32, per_host=8)
    (probe,) = slots.take_turns(due("a", ["silent"] * 3, is_probe=True))
    assert slots.take_turns(due("a", ["silent"] * 3, is_probe=True)) == []
    slots.release(probe)
    assert len(slots.take_turns(due("a", ["silent"] * 3, is_probe=True))) == 1


def test_what_is_being_sent_is_not_begun_again() -> None:
    slots = DeliverySlots(total=32, per_host=8)
    deliveries = many_hosts("a", 3)
    assert len(slots.take_turns(deliveries)) == 3
    assert slots.take_turns(deliveries) == []


def test_a_single_slot_serves_everybody_in_turn() -> None:
    slots = DeliverySlots(total=1, per_host=1)
    (first,) = slots.take_turns([*many_hosts("a", 2), *many_hosts("b", 2)])
    slots.release(first)
    assert len(slots.take_turns(many_hosts("b", 2))) == 1


owner_names = st.sampled_from("abcdef")


@given(st.lists(st.tuples(owner_names, st.sampled_from("xyz"))), st.integers(1, 40))
def test_bounds_hold_and_nothing_stays_behind(pairs: list[tuple[str, str]], total: int) -> None:
    slots = DeliverySlots(total=total, per_host=4)
    deliveries = [
        DueDelivery(id=str(n), owner=owner, host=host) for n, (owner, host) in enumerate(pairs)
    ]
    chosen = slots.take_turns(deliveries)
    assert len(chosen) <= total
    assert all(n <= 4 for n in Counter(each.host for each in chosen).values())
    assert all(n <= max(1, total // 2) for n in owners_of(chosen).values())
    assert bool(chosen) == bool(pairs)
    for each in chosen:
        slots.release(each)
    left = [slots._held, slots._by_owner, slots._by_host, slots._by_both]
    assert not any(left)
