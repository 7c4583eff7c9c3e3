"""Which Triton of a pool gets a pass: the less loaded of two that are drawn by lot.

The load of the others' passes is seconds old. If every frontend took the least loaded, all would
rush to the same one until the next look; two at random spread (Mitzenmacher, "How Useful Is Old
Information?", 2000).
"""

import heapq
import random
from collections.abc import Sequence

from frontend.triton.pool_members import Member


def choose_of_two(members: Sequence[Member], model: str, now: float) -> Member | None:
    """Return the Triton that gets a pass of a model; None: there is none."""
    shares = {member.address: member.share(model, now) for member in members}
    most = max(shares.values(), default=1.0)
    # One in its slow start is left out by lot, unless all are.
    able = [each for each in members if random.random() * most < shares[each.address]]  # noqa: S311 -- not a secret
    two = heapq.nlargest(2, able, key=_draw)
    return min(two, key=_load_with_one_more, default=None)


def _draw(member: Member) -> float:
    """Return a lot: the largest ones of all are a sample by weight (Efraimidis, Spirakis 2006)."""
    return float(random.random() ** (1 / member.weight))  # noqa: S311 -- not a secret


def _load_with_one_more(member: Member) -> float:
    return (member.n_passes + 1) / member.weight
