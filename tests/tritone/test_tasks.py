import asyncio

import pytest

from tritone import tasks
from tritone.tasks import end_tasks


async def test_a_task_that_loses_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_AGAIN_S", 0.01)
    n_lost = 0

    async def lose_two() -> None:
        nonlocal n_lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                n_lost += 1
                if n_lost > 2:
                    raise

    async def fail() -> None:
        raise ValueError("its own affair")

    ending = [asyncio.create_task(each) for each in (lose_two(), fail())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end_tasks(*ending)
    assert n_lost == 3
    assert all(task.done() for task in ending)
