"""The Tritons of a pool: what each has of our passes, and what they serve together."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from frontend.errors import TritoneError
from frontend.triton.gateway import Catalog, Gateway, choose_pause_s
from frontend.triton.standing import Standing, ramp
from tritone.card import Card, ModelCard, SpeechCard


class OneTriton(Gateway, Protocol):
    """A gateway to one Triton."""

    @property
    def foreign_passes(self) -> int:
        """Passes that other processes gave it, as it said last; 0 where it does not say."""

    async def count_foreign_passes(self, model: str) -> None:
        """Ask a model of it now. Returns soon, also where it does not answer."""


@dataclass(eq=False, slots=True)
class Member:
    """One Triton of the pool."""

    address: str
    gateway: OneTriton
    clock: Callable[[], float]
    weight: float = 1.0  # work that it does at once, relative to others
    is_up: bool = False  # answered the last look, and has refused nothing since
    is_listed: bool = True  # still among the addresses: else it gets no new passes
    is_new: bool = False  # was away at the last look, or not yet listed
    up_since: float = -math.inf
    pass_ids: set[str] = field(default_factory=set)  # the passes that it was given
    standings: dict[str, Standing] = field(default_factory=lambda: defaultdict(Standing))
    looking: asyncio.Task[None] | None = None

    @property
    def n_passes(self) -> int:
        """Its passes, ours and those that other processes gave it by its own account."""
        return len(self.pass_ids) + self.gateway.foreign_passes

    def share(self, model: str, now: float) -> float:
        """Return which share of a model's passes it gets now: less than 1 in its slow start."""
        return min(ramp(now - self.up_since), self.standings[model].share(now))

    def can_take(self, model: str) -> bool:
        """Return whether it is neither away nor ejected."""
        return self.is_up and not self.standings[model].is_ejected

    def explain(self, now: float) -> str:
        """Return why it gets no passes, or none of some model; empty: it gets them."""
        if not self.is_up:
            return "does not answer"
        reasons = (each.explain(model, now) for model, each in self.standings.items())
        return "; ".join(filter(None, reasons))

    def serves(self, card: Card) -> bool:
        """Return whether it had this very model when last seen."""
        return card in self.gateway.catalog.served

    async def look(self) -> None:
        """Ask it what it serves."""
        try:
            await self.gateway.refresh()
        except TritoneError:
            self.is_up = False
            self.is_new = True
            raise
        self.is_up = True
        if self.is_new:
            self._begin_anew(self.clock())

    def _begin_anew(self, now: float) -> None:
        self.is_new = False
        self.up_since = now
        for standing in self.standings.values():
            standing.forgive(now)

    async def keep_looking(self, refresh_s: float) -> None:
        """Look periodically, so that a Triton that is away is used again when it is back."""
        while True:
            with suppress(TritoneError):
                await self.look()
            await asyncio.sleep(choose_pause_s(refresh_s, is_up=self.is_up))

    async def close(self) -> None:
        """Stop looking, let what is pending finish, disconnect."""
        if self.looking is not None:
            self.looking.cancel()
        await self.gateway.close()


def unite_catalogs(served: Iterable[Catalog], known: Iterable[Catalog]) -> Catalog:
    """Return the models of the served catalogs; models that only other known ones have are away.

    Where models of one name differ, as during an upgrade, the first counts; its passes go to the
    Tritons that have exactly this model.
    """
    cards = _by_name(card for each in served for card in each.served)
    known = tuple(known)
    names = {name for each in known for name in (*each.away, *(card.name for card in each.served))}
    missed = _by_name(card for each in known for card in (*each.served, *each.missed))
    in_order = [cards[name] for name in sorted(cards)]
    return Catalog(
        cards=tuple(card for card in in_order if isinstance(card, ModelCard)),
        speech_cards=tuple(card for card in in_order if isinstance(card, SpeechCard)),
        away=frozenset(names - cards.keys()),
        missed=tuple(missed[name] for name in sorted(missed.keys() - cards.keys())),
        reasons={
            name: reason
            for each in known
            for name, reason in each.reasons.items()
            if name not in cards
        },
    )


def _by_name(cards: Iterable[Card]) -> dict[str, Card]:
    named: dict[str, Card] = {}
    for card in cards:
        named.setdefault(card.name, card)
    return named
