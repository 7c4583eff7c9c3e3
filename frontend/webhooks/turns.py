"""Whose webhook is sent next: owners take turns, and nobody takes every slot.

An owner may hold half of the slots, in all and to each host, and the last eighth of them is for
owners that hold none. So one whose receivers are slow or silent always leaves slots to the others.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

_RESERVED = 8  # one slot of so many is for owners that hold none

K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """A delivery whose time has come."""

    id: str
    owner: str
    host: str
    is_probe: bool = False  # its host did not answer lately: one at a time tries it


@dataclass(slots=True, kw_only=True)
class DeliverySlots:
    """The attempts of one worker that are being made."""

    total: int
    per_host: int
    _held: set[str] = field(default_factory=set)  # ids of deliveries
    _by_owner: Counter[str] = field(default_factory=Counter)
    _by_host: Counter[str] = field(default_factory=Counter)
    _by_both: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take_turns(self, due: Iterable[DueDelivery]) -> list[DueDelivery]:
        """Take slots for those whose turn it is, and return them.

        `due` is sorted by time. The owner with the fewest slots is next, then who waits longest.
        """
        waiting: defaultdict[str, deque[DueDelivery]] = defaultdict(deque)
        for each in due:
            if each.id not in self._held:
                waiting[each.owner].append(each)
        chosen: list[DueDelivery] = []
        while waiting and len(self._held) < self.total:
            owner = min(waiting, key=lambda each: self._by_owner[each])
            delivery = self._next_of(owner, waiting[owner])
            if delivery is None:
                del waiting[owner]
            else:
                self._count(delivery, 1)
                chosen.append(delivery)
        return chosen

    def release(self, delivery: DueDelivery) -> None:
        """Give a slot back."""
        self._count(delivery, -1)

    def _next_of(self, owner: str, waiting: deque[DueDelivery]) -> DueDelivery | None:
        if not _has_slot(self.total, len(self._held), self._by_owner[owner]):
            return None
        while waiting:
            delivery = waiting.popleft()
            if self._has_host_slot(delivery):
                return delivery
        return None

    def _has_host_slot(self, delivery: DueDelivery) -> bool:
        own = self._by_both[delivery.owner, delivery.host]
        if delivery.is_probe and own:
            return False
        return _has_slot(self.per_host, self._by_host[delivery.host], own)

    def _count(self, delivery: DueDelivery, change: int) -> None:
        (self._held.add if change > 0 else self._held.discard)(delivery.id)
        both = (delivery.owner, delivery.host)
        _add(self._by_owner, delivery.owner, change)
        _add(self._by_host, delivery.host, change)
        _add(self._by_both, both, change)


def _has_slot(total: int, held: int, own: int) -> bool:
    is_within_half = own < max(1, total // 2)
    return is_within_half and held < total - (total // _RESERVED if own else 0)


def _add(counter: Counter[K], key: K, change: int) -> None:
    counter[key] += change
    if not counter[key]:
        del counter[key]  # owners and hosts come from callers: they leave no trace
