import asyncio
from pathlib import Path

from ops.client.guests import alone, visiting
from ops.polling import until

LONG_S = 30.0


async def test_a_stack_for_the_moment_ends_after_its_last_guest(tmp_path: Path) -> None:
    order: list[str] = []

    async def end() -> None:
        async with alone(tmp_path, lambda: order.append("waits")):
            order.append("ends")

    async with visiting(tmp_path), visiting(tmp_path):
        ending = asyncio.create_task(end())
        await until(lambda: asyncio.sleep(0, bool(order)))
        order.append("guests leave")
    await asyncio.wait_for(ending, LONG_S)
    assert order == ["waits", "guests leave", "ends"]


async def test_whoever_comes_while_it_ends_is_let_in_when_it_has(tmp_path: Path) -> None:
    order: list[str] = []

    async def come() -> None:
        async with visiting(tmp_path):
            order.append("comes")

    async with alone(tmp_path, lambda: order.append("waits")):
        coming = asyncio.create_task(come())
        await asyncio.sleep(0.1)
        order.append("has ended")
    await asyncio.wait_for(coming, LONG_S)
    assert order == ["has ended", "comes"]


async def test_a_state_folder_that_is_not_there_keeps_nobody(tmp_path: Path) -> None:
    async with visiting(tmp_path / "none"), alone(tmp_path / "none", lambda: None):
        pass
    assert not (tmp_path / "none").exists()
