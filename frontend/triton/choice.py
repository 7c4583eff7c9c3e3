"""Which Triton of a pool gets a pass: the less loaded of two that are drawn by lot.

Both are asked for their passes first, if other processes give them any. What the last look said is
seconds old, and the least loaded of all would be everybody's choice until the next look
(Mitzenmacher, "How Useful Is Old Information?", 2000). Fresh, two are nearly as good as all (the
same, "The Power of Two Choices", 2001).
"""

import asyncio
import heapq
import random
from collections.abc import Sequence

from frontend.triton.pool_members import Member


async def choose_of_two(members: Sequence[Member], model: str, now: float) -> Member | None:
    """Return the Triton that gets a pass of a model; None: there is none."""
    shares = {member.address: member.share(model, now) for member in members}
    most = max(shares.values(), default=1.0)
    # One in its slow start is left out by lot, unless all are.
    able = [each for each in members if random.random() * most < shares[each.address]]  # noqa: S311 -- not a secret
    two = heapq.nlargest(2, able, key=_draw)
    if len(two) > 1 and any(each.gateway.foreign_passes for each in two):
        await asyncio.gather(*(each.gateway.count_foreign_passes(model) for each in two))
    return min(two, key=_load_with_one_more, default=None)


def _draw(member: Member) -> float:
    """Return a lot: the largest ones of all are a sample by weight (Efraimidis, Spirakis 2006)."""
    return float(random.random() ** (1 / member.weight))  # noqa: S311 -- not a secret


def _load_with_one_more(member: Member) -> float:
    return (member.n_passes + 1) / member.weight
