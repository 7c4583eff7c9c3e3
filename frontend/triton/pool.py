"""Several Tritons behind one gateway: each pass goes to the less loaded of two drawn by lot.

gRPC's own balancing counts calls, not work: measured with one slow and one fast server, taking
turns needed six times as long as the least outstanding. A Triton on which passes fail in a row is
ejected (`frontend.triton.standing`). Why so: docs/adr/0009.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace

import structlog

from frontend.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    GenerationFailed,
    Overloaded,
    TritoneError,
)
from frontend.observe.metrics import Metrics
from frontend.settings import TritonSettings
from frontend.triton.choice import choose_of_two
from frontend.triton.fleet import FleetWatch
from frontend.triton.gateway import Catalog, Chunks, Pass, PassOptions, Progress
from frontend.triton.pool_members import Member, OneTriton, unite_catalogs
from frontend.triton.standing import Standing
from tritone.addresses import Unresolved
from tritone.card import Card

log = structlog.get_logger(__name__)

Connect = Callable[[str], OneTriton]
Resolve = Callable[[], Awaitable[tuple[str, ...]]]
Clock = Callable[[], float]

_TRITONS_FAULT = (BackendUnavailable, GenerationFailed)
_WORTH_A_RETRY = (*_TRITONS_FAULT, Overloaded)


class TritonPool:
    """A `Gateway` over one `Gateway` for each Triton. Use from one event loop only."""

    def __init__(
        self,
        resolve: Resolve,
        connect: Connect,
        settings: TritonSettings,
        metrics: Metrics,
        clock: Clock = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        The pool never opens its members: it looks at each itself, to know which one answers.
        """
        self._resolve = resolve
        self._connect = connect
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._following: asyncio.Task[None] | None = None
        self._fleet = FleetWatch(settings.fleet, settings.refresh_s)
        self._watching: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        metrics.watch_tritons(self._count_members)

    @property
    def members(self) -> tuple[Member, ...]:
        """The Tritons that are listed, whether up or not."""
        return tuple(member for member in self._members.values() if member.is_listed)

    @property
    def catalog(self) -> Catalog:
        """Every model that some Triton serves; as last seen when all are away."""
        catalogs = {each: self._fleet.hold_back(each.gateway.catalog) for each in self.members}
        up = [catalog for member, catalog in catalogs.items() if member.is_up]
        united = unite_catalogs(up or catalogs.values(), catalogs.values())
        now = self._clock()
        reasons = {member.address: self._explain(member, now) for member in self.members}
        return replace(united, left_out={where: why for where, why in reasons.items() if why})

    async def open(self) -> None:
        """Look once, then periodically, each Triton for itself: a slow one delays no other."""
        await self._fleet.look()
        self._watching = asyncio.create_task(self._fleet.follow())
        with suppress(BackendUnavailable):
            await self.refresh()
        self._following = asyncio.create_task(self._follow_addresses())

    async def close(self) -> None:
        """Stop looking, let the members finish, disconnect."""
        for task in (self._following, self._watching):
            if task is not None:
                task.cancel()
        closing = [member.close() for member in self._members.values()]
        await asyncio.gather(*closing, *self._closing)

    async def refresh(self) -> Catalog:
        """Return what is served now. Asks the Tritons that answered last, or all where none did."""
        if not self._members:
            await self._update()
        up = [member for member in self.members if member.is_up]
        looks = [member.look() for member in up or self.members]
        answers = await asyncio.gather(*looks, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, TritoneError):
                raise answer
        if not any(member.is_up for member in self.members):
            raise BackendUnavailable
        return self.catalog

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        """See `Gateway`.

        What a Triton refuses, fails at, or loses by dying, is given to another, once for each of
        these causes: a pass has no effect but its sound, and the same seed gives the same sound.
        More would lead a request that kills its server through all of them.
        """
        failed: dict[Member, TritoneError] = {}
        deadline = time.monotonic() + options.timeout_s
        while (member := await self._choose(pass_.card, failed)) is not None:
            if failed:
                self._tell_of_retry(pass_.card.name, failed, member)
            has_begun = False
            try:
                async with aclosing(self._give(member, pass_, options)) as chunks:
                    async for chunk in chunks:
                        has_begun = True
                        yield chunk
            except _WORTH_A_RETRY as error:
                if has_begun:
                    raise
                is_known = type(error) in map(type, failed.values())
                failed[member] = error
                if is_known:
                    break
            else:
                return
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise DeadlineExceeded
            options = replace(options, timeout_s=left_s)
        self._forgive(pass_.card.name, failed)
        raise next(reversed(failed.values()), BackendUnavailable())

    def _tell_of_retry(
        self, model: str, failed: dict[Member, TritoneError], member: Member
    ) -> None:
        left, error = next(reversed(failed.items()))
        cause = type(error).__name__
        log.info("tried_elsewhere", left=left.address, to=member.address, cause=cause)
        self._metrics.passes_retried.labels(model, cause).inc()

    def _forgive(self, model: str, failed: dict[Member, TritoneError]) -> None:
        """Let what fails everywhere be no Triton's fault, and eject nobody."""
        faulty = [each for each, why in failed.items() if isinstance(why, _TRITONS_FAULT)]
        for each in faulty if len(faulty) > 1 else ():
            each.standings[model].withdraw(self._settings.eject_after)

    async def cancel(self, model: str, pass_id: str) -> None:
        """Stop a pass where it runs; where we do not know that, ask every Triton."""
        for member in self._owners(pass_id):
            await member.gateway.cancel(model, pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """Return how far a pass is where it runs; where we do not know that, ask every Triton."""
        for member in self._owners(pass_id):
            progress = await member.gateway.progress(model, pass_id)
            if progress is not None:
                return progress
        return None

    def _owners(self, pass_id: str) -> list[Member]:
        known = [member for member in self._members.values() if pass_id in member.pass_ids]
        return known or [member for member in self.members if member.is_up]

    async def _choose(self, card: Card, failed: Collection[Member]) -> Member | None:
        now = self._clock()
        able = [each for each in self.members if each not in failed and self._serves(each, card)]
        # Nobody is known to be up: somebody may have come back since the last look.
        able = [each for each in able if each.is_up] or able
        due = [each for each in able if each.standings[card.name].is_due(now)]
        if due and not failed:  # whose trial fails has a retry left
            return random.choice(due)  # noqa: S311 -- not a secret
        fit = [each for each in able if each.can_take(card.name)] or able
        if failed:  # the next one should rather not fail, too
            fit = [each for each in fit if not each.standings[card.name].n_failures] or fit
        return await choose_of_two(fit, card.name, now)

    def _serves(self, member: Member, card: Card) -> bool:
        catalog = member.gateway.catalog
        return member.serves(card) and not self._fleet.explain(catalog, card.name)

    async def _give(self, member: Member, pass_: Pass, options: PassOptions) -> Chunks:
        standing = member.standings[pass_.card.name]
        expected = self._fleet.expect(member.gateway.catalog, pass_.card.name)
        with self._held(member, standing, options.pass_id):
            try:
                async with aclosing(member.gateway.stream(pass_, options)) as chunks:
                    async for chunk in chunks:
                        await expected.check(chunk.model_version)
                        yield chunk
            except _TRITONS_FAULT as error:
                if isinstance(error, BackendUnavailable):
                    member.is_up = False  # until it answers a look
                standing.fail(type(error).__name__)
                # What was given to it before its ejection tells nothing new.
                if standing.trial == options.pass_id or not standing.is_ejected:
                    self._eject_if_enough(member, pass_.card)
                raise
            standing.succeed(options.pass_id, self._clock())

    def _eject_if_enough(self, member: Member, card: Card) -> None:
        """Eject a Triton after some failures in a row, or a failed trial; never the last one."""
        model, now = card.name, self._clock()
        standing = member.standings[model]
        others = [
            each
            for each in self.members
            if each is not member and self._serves(each, card) and each.can_take(model)
        ]
        is_enough = standing.is_ejected or standing.n_failures >= self._settings.eject_after
        if not (is_enough and others):
            return
        seconds = standing.eject(self._settings.eject_s, now)
        self._metrics.triton_ejections.labels(model).inc()
        why = standing.explain(model, now)
        log.warning("triton_ejected", url=member.address, model=model, seconds=seconds, why=why)

    @contextmanager
    def _held(self, member: Member, standing: Standing, pass_id: str) -> Iterator[None]:
        member.pass_ids.add(pass_id)
        standing.begin(pass_id, self._clock())
        try:
            yield
        finally:
            standing.end(pass_id)
            member.pass_ids.discard(pass_id)
            self._release(member)

    def _explain(self, member: Member, now: float) -> str:
        reasons = [member.explain(now)]
        if member.is_up:
            reasons += self._fleet.explain_all(member.gateway.catalog)
        return "; ".join(filter(None, reasons))

    def _count_members(self) -> dict[str, int]:
        now = self._clock()
        n_up = sum(member.is_up for member in self.members)
        n_ejected = sum(
            member.is_up and bool(self._explain(member, now)) for member in self.members
        )
        return {"up": n_up - n_ejected, "ejected": n_ejected, "away": len(self.members) - n_up}

    async def _follow_addresses(self) -> None:
        while True:
            await asyncio.sleep(self._settings.refresh_s)
            await self._update()

    async def _update(self) -> None:
        """Add the Tritons that are new in the list, and mark those that have left it."""
        try:
            addresses = set(await self._resolve())
        except Unresolved as error:
            # A resolver that is away says nothing about the Tritons.
            log.warning("tritons_unresolved", detail=str(error))
            return
        for address in sorted(addresses - self._members.keys()):
            self._members[address] = member = self._make_member(address)
            member.looking = asyncio.create_task(member.keep_looking(self._settings.refresh_s))
            log.info("triton_listed", url=address)
        for member in list(self._members.values()):
            if member.is_listed != (member.address in addresses):
                member.is_listed = not member.is_listed
                log.info("triton_listed", url=member.address, answer=member.is_listed)
            self._release(member)

    def _make_member(self, address: str) -> Member:
        return Member(
            address,
            self._connect(address),
            self._clock,
            weight=self._settings.weights.get(address, 1.0),
            is_new=self._following is not None,  # at our own start all of them are
        )

    def _release(self, member: Member) -> None:
        """Disconnect from a Triton that has left the list, once it has none of our passes."""
        if member.is_listed or member.pass_ids or self._members.pop(member.address, None) is None:
            return
        task = asyncio.create_task(member.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
