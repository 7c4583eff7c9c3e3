"""Clients that leave in the middle of a request, beside clients that stay."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.acceptance.drills import ASK, GENERATE, PATIENCE_S


@dataclass
class Crowd:
    """Clients of one frontend that ask for one sound after the other."""

    address: str
    stays: dict[str, Any]  # what those ask for who stay, as changes to `ASK`
    leaves: dict[str, Any]  # and those who leave
    leave_after_s: tuple[float, float]  # shortest, longest
    keys: tuple[str, str] = ("", "")  # of those who stay, of those who leave
    answers: Counter[int] = field(default_factory=Counter)  # statuses, of those who stay
    took_s: list[float] = field(default_factory=list)  # of those who stay
    n_left: int = 0

    async def run(self, seconds: float, *, n_stay: int, n_leave: int) -> float:
        """Ask for a while; return the sounds per second of those who stay."""
        self.answers.clear()
        self.took_s.clear()
        self.n_left = 0
        began = time.monotonic()
        limits = httpx2.Limits(max_connections=None)
        async with (
            httpx2.AsyncClient(
                base_url=f"http://{self.address}", timeout=PATIENCE_S, limits=limits
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for n in range(n_stay):
                group.create_task(self._stay(client, began + seconds, n))
            for n in range(n_leave):
                group.create_task(self._leave(client, began + seconds, n))
        return self.answers[200] / (time.monotonic() - began)

    async def _stay(self, client: httpx2.AsyncClient, end: float, n: int) -> None:
        seed, headers = 1_000_000 * n, _with_key(self.keys[0])
        while time.monotonic() < end:
            seed += 1  # no two sounds are the same
            began = time.monotonic()
            body = ASK | {"seed": seed} | self.stays
            answer = await client.post(GENERATE, json=body, headers=headers)
            self.took_s.append(time.monotonic() - began)
            self.answers[answer.status_code] += 1

    async def _leave(self, client: httpx2.AsyncClient, end: float, n: int) -> None:
        moments = random.Random(n)
        headers = _with_key(self.keys[1])
        while time.monotonic() < end:
            asking = client.post(GENERATE, json=ASK | self.leaves, headers=headers)
            try:
                answer = await asyncio.wait_for(asking, moments.uniform(*self.leave_after_s))
            except TimeoutError:
                self.n_left += 1
            else:  # refused, or made before it could leave
                await asyncio.sleep(0.05 if answer.is_error else 0.0)


def _with_key(key: str) -> dict[str, str]:
    return {"x-api-key": key} if key else {}
