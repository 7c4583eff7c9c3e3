"""Several Tritons behind one gateway: each pass goes to the one with the fewest of ours.

gRPC's own balancing counts calls, not work: measured with one slow and one fast server, taking
turns needed six times as long as the least outstanding.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace

import structlog

from frontend.errors import BackendUnavailable, DeadlineExceeded, Overloaded, TritoneError
from frontend.triton.addresses import Unresolved
from frontend.triton.fallback import stream_or_retry
from frontend.triton.gateway import Catalog, Chunks, Gateway, PassOptions, Progress
from frontend.triton.passes import Pass
from frontend.triton.pool_members import Member, unite_catalogs
from tritone.card import Card

log = structlog.get_logger(__name__)

Connect = Callable[[str], Gateway]
Resolve = Callable[[], Awaitable[tuple[str, ...]]]


class TritonPool:
    """A `Gateway` over one `Gateway` for each Triton. Use from one event loop only."""

    def __init__(self, resolve: Resolve, connect: Connect, refresh_s: float) -> None:
        """Connect to nothing yet.

        The pool never opens its members: it looks at each itself, to know which one answers.
        """
        self._resolve = resolve
        self._connect = connect
        self._refresh_s = refresh_s
        self._members: dict[str, Member] = {}
        self._following: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def members(self) -> tuple[Member, ...]:
        """The Tritons that are listed, whether up or not."""
        return tuple(member for member in self._members.values() if member.is_listed)

    @property
    def catalog(self) -> Catalog:
        """Every model that some Triton serves; as last seen when all are away."""
        up = [member for member in self.members if member.is_up]
        catalogs = [member.gateway.catalog for member in self.members]
        return unite_catalogs([member.gateway.catalog for member in up] or catalogs, catalogs)

    async def open(self) -> None:
        """Look once, then periodically, each Triton for itself: a slow one delays no other."""
        with suppress(BackendUnavailable):
            await self.refresh()
        self._following = asyncio.create_task(self._follow_addresses())

    async def close(self) -> None:
        """Stop looking, let the members finish, disconnect."""
        if self._following is not None:
            self._following.cancel()
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

        What a Triton refuses, or loses by dying, is given to another, once: a pass has no effect
        but its sound, and the same seed gives the same sound. More would lead a request that kills
        its server through all of them.
        """
        deadline = time.monotonic() + options.timeout_s
        first = self._choose(pass_.card)
        if first is None:
            raise BackendUnavailable

        def retry(error: TritoneError) -> Chunks:
            second = self._choose(pass_.card, besides=first)
            if second is None or not isinstance(error, (BackendUnavailable, Overloaded)):
                raise error
            cause = type(error).__name__
            log.info("tried_elsewhere", left=first.address, to=second.address, cause=cause)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise DeadlineExceeded
            return self._give(second, pass_, replace(options, timeout_s=left_s))

        attempts = stream_or_retry(self._give(first, pass_, options), retry)
        async with aclosing(attempts) as chunks:
            async for chunk in chunks:
                yield chunk

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

    def _choose(self, card: Card, besides: Member | None = None) -> Member | None:
        able = [each for each in self.members if each.serves(card) and each is not besides]
        # Nobody is known to be up: somebody may have come back since the last look.
        able = [each for each in able if each.is_up] or able
        fewest = min((len(each.pass_ids) for each in able), default=0)
        # At random: otherwise all idle frontends would prefer the same one.
        best = [each for each in able if len(each.pass_ids) == fewest]
        return random.choice(best) if best else None  # noqa: S311 -- not a secret

    async def _give(self, member: Member, pass_: Pass, options: PassOptions) -> Chunks:
        with self._held(member, options.pass_id):
            try:
                async with aclosing(member.gateway.stream(pass_, options)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except BackendUnavailable:
                member.is_up = False  # until it answers a look
                raise

    @contextmanager
    def _held(self, member: Member, pass_id: str) -> Iterator[None]:
        member.pass_ids.add(pass_id)
        try:
            yield
        finally:
            member.pass_ids.discard(pass_id)
            self._release(member)

    async def _follow_addresses(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_s)
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
            self._members[address] = member = Member(address, self._connect(address))
            member.looking = asyncio.create_task(member.keep_looking(self._refresh_s))
            log.info("triton_listed", url=address)
        for member in list(self._members.values()):
            if member.is_listed != (member.address in addresses):
                member.is_listed = not member.is_listed
                log.info("triton_listed", url=member.address, answer=member.is_listed)
            self._release(member)

    def _release(self, member: Member) -> None:
        """Disconnect from a Triton that has left the list, once it has none of our passes."""
        if member.is_listed or member.pass_ids or self._members.pop(member.address, None) is None:
            return
        task = asyncio.create_task(member.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
