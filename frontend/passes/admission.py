"""Admission: a bounded number of passes at once, a bounded number waits, more are refused."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from frontend.errors import Overloaded
from frontend.passes.throughput import Throughput
from frontend.settings import AdmissionSettings
from tritone.turns import QueuedWork, Turns


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket(QueuedWork):
    """What admission must know of a pass."""

    cost: float = 1.0  # of the pass, in steps of a latent frame; planners of all tasks know it


class Admission:
    """Slots for passes, given in the order of `tritone.turns`. Use from one event loop only."""

    def __init__(
        self, settings: AdmissionSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with every slot free."""
        self._settings = settings
        self._clock = clock
        self._throughput = Throughput(settings.max_in_flight, clock)
        self._turns = Turns()
        self._waiters: dict[Ticket, asyncio.Future[None]] = {}
        self.in_flight = 0

    @property
    def waiting(self) -> int:
        """Passes that wait for a slot."""
        return len(self._waiters)

    @property
    def retry_after_s(self) -> float:
        """Seconds until all who wait now have a slot, at the present throughput."""
        return max(1.0, self._throughput.seconds_for(self.waiting + 1))

    @property
    def queue_age_s(self) -> float:
        """How long the oldest waiting pass has waited; 0: none waits."""
        now = self._clock()
        return now - min((ticket.arrived_at for ticket in self._waiters), default=now)

    @asynccontextmanager
    async def slot(self, ticket: Ticket | None = None) -> AsyncIterator["Slot"]:
        """Hold a slot; wait for it where all are taken.

        Raises:
            Overloaded: too many wait already, of all or of the ticket's owner.
        """
        slot = Slot(self, ticket or Ticket())
        if self._is_full and not self._has_room(slot.ticket.owner):
            raise Overloaded(
                "All slots are taken; try again later.", retry_after_s=self.retry_after_s
            )
        await self.enter(slot.ticket)
        start = self._clock()
        try:
            yield slot
            if not slot.was_lent:
                # A failure says nothing about the throughput.
                self._throughput.learn(self._clock() - start)
        finally:
            if slot.is_held:
                self.leave(slot.ticket)

    @property
    def _is_full(self) -> bool:
        return self.in_flight >= self._settings.max_in_flight

    async def enter(self, ticket: Ticket) -> None:
        """Return when a ticket has a slot, however many wait. `slot` is the usual way."""
        is_full = self._is_full
        self._turns.enter(ticket, self._clock())
        if not is_full:
            return self._admit(ticket)
        admitted = self._waiters[ticket] = asyncio.get_running_loop().create_future()
        self._throughput.is_saturated = True
        try:
            await admitted
        except asyncio.CancelledError:
            if self._waiters.pop(ticket, None) is None:  # the slot came at the same moment
                self.leave(ticket)
            else:
                self._turns.leave(ticket)
            raise
        return None

    def _has_room(self, owner: str) -> bool:
        """Return whether one more of an owner may wait.

        An owner may take half of the room that the others leave, so that one who floods us leaves
        room for the rest. Requests without an owner share all of it.
        """
        free = self._settings.max_waiting - self.waiting
        mine = sum(ticket.owner == owner for ticket in self._waiters)
        return free > 0 and (not owner or mine <= free)

    def _admit(self, ticket: Ticket) -> None:
        self.in_flight += 1
        self._turns.charge(ticket, ticket.cost)

    def leave(self, ticket: Ticket) -> None:
        """Give a ticket's slot to the next."""
        self.in_flight -= 1
        self._turns.leave(ticket)
        if not self._waiters:
            self._throughput.is_saturated = False
            return
        following = self._turns.order(self._waiters, self._clock())[0]
        admitted = self._waiters.pop(following)
        self._admit(following)
        if not admitted.done():  # it is if its task was cancelled a moment ago
            admitted.set_result(None)


@dataclass(slots=True, eq=False)
class Slot:
    """The slot of one pass."""

    _admission: Admission
    ticket: Ticket
    is_held: bool = True
    was_lent: bool = False

    async def lend_while(self, waiting: Awaitable[None]) -> None:
        """Let others have the slot while the pass can only wait, then wait for a slot again."""
        self.is_held, self.was_lent = False, True
        self._admission.leave(self.ticket)
        await waiting
        self.ticket.cost = 0.0  # charged already
        await self._admission.enter(self.ticket)
        self.is_held = True
