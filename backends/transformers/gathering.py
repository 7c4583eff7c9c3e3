"""Lets callers of several threads share a run. Knows no Triton and no torch."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Made]):
    item: Item
    made: Made | None = None
    error: BaseException | None = None
    has_ended: threading.Event = field(default_factory=threading.Event)


class Gatherer(Generic[Item, Made]):
    """One run at a time: whoever comes while it lasts shares the next one, up to a bound.

    Nobody waits for company. The thread of one of those who wait does the run.
    """

    def __init__(
        self,
        make: Callable[[Sequence[Item]], Sequence[Made]],
        *,
        most: int,
        may_share: Callable[[Item, Item], bool],
    ) -> None:
        """Make at most `most` things in a run, all of which may share one with the first."""
        self._make = make
        self._most = most
        self._may_share = may_share
        self._running = threading.Lock()
        self._changing = threading.Lock()
        self._waiting: list[_Waiting[Item, Made]] = []

    def __call__(self, item: Item) -> Made:
        """Return what is made of an item; raises what the run raises."""
        mine: _Waiting[Item, Made] = _Waiting(item)
        with self._changing:
            self._waiting.append(mine)
        with self._running:
            if not mine.has_ended.is_set():
                self._run(self._take(mine))
        if mine.error is not None:
            raise mine.error
        return mine.made  # type: ignore[return-value]  # the run has set it

    def _take(self, mine: _Waiting[Item, Made]) -> list[_Waiting[Item, Made]]:
        """Return those of the next run, the caller's own first, then as they came."""
        with self._changing:
            others = [
                each
                for each in self._waiting
                if each is not mine and self._may_share(mine.item, each.item)
            ]
            taken = [mine, *others][: self._most]
            self._waiting = [each for each in self._waiting if each not in taken]
        return taken

    def _run(self, taken: Sequence[_Waiting[Item, Made]]) -> None:
        try:
            for each, made in zip(taken, self._make([x.item for x in taken]), strict=True):
                each.made = made
        except BaseException as error:  # each of them raises it in its own thread
            for each in taken:
                each.error = error
        finally:
            for each in taken:
                each.has_ended.set()
