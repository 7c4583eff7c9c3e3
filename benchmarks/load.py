"""Load: a fixed number of clients (closed loop), or arrivals that wait for nobody (open loop)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import httpx2

Send = Callable[[int], Awaitable[int]]
"""Sends the request of an index, reads its answer to the end, returns the HTTP status."""

NO_ANSWER = 0
_BAD_STATUS = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """One request; times in s from the start of the run."""

    index: int
    intended_s: float  # when it was due
    sent_s: float
    ended_s: float
    status: int  # HTTP status; NO_ANSWER: the connection broke or timed out

    @property
    def is_good(self) -> bool:
        """A sound came back."""
        return NO_ANSWER < self.status < _BAD_STATUS

    @property
    def latency_s(self) -> float:
        """Counted from when the request was due: a late sender hides no waiting."""
        return self.ended_s - self.intended_s


@dataclass(frozen=True, slots=True)
class Run:
    """All answers of one load, in the order in which they ended."""

    answers: tuple[Answer, ...]
    wall_s: float  # from the start to the last answer
    others_share: float = 0.0  # of all cores' time, taken by neither us nor the server


class _Recorder:
    def __init__(self, send: Send, on_answer: Callable[[Answer], None] | None) -> None:
        self._send = send
        self._on_answer = on_answer
        self._answers: list[Answer] = []
        self._started = time.perf_counter()

    def now(self) -> float:
        return time.perf_counter() - self._started

    async def one(self, index: int, intended_s: float | None = None) -> None:
        sent_s = self.now()
        try:
            status = await self._send(index)
        except httpx2.HTTPError:
            status = NO_ANSWER
        due = sent_s if intended_s is None else intended_s
        answer = Answer(index, due, sent_s, self.now(), status)
        self._answers.append(answer)
        if self._on_answer:
            self._on_answer(answer)

    def run(self) -> Run:
        return Run(tuple(self._answers), max((a.ended_s for a in self._answers), default=0.0))


async def closed_loop(
    send: Send,
    *,
    n_requests: int,
    concurrency: int,
    on_answer: Callable[[Answer], None] | None = None,
) -> Run:
    """Send `n_requests` by `concurrency` clients, each of which sends when it has its answer."""
    recorder = _Recorder(send, on_answer)
    indices = iter(range(n_requests))

    async def client(mine: Iterator[int]) -> None:
        for index in mine:  # all clients draw from one iterator
            await recorder.one(index)

    await asyncio.gather(*(client(indices) for _ in range(concurrency)))
    return recorder.run()


async def open_loop(
    send: Send, arrivals: Sequence[float], *, on_answer: Callable[[Answer], None] | None = None
) -> Run:
    """Send a request at each arrival, in s, whether or not earlier ones were answered."""
    recorder = _Recorder(send, on_answer)

    async def client(index: int, due_s: float) -> None:
        await asyncio.sleep(due_s - recorder.now())
        await recorder.one(index, due_s)

    await asyncio.gather(*(client(index, due) for index, due in enumerate(arrivals)))
    return recorder.run()
