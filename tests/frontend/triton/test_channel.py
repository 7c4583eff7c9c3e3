import asyncio

from frontend.triton.channel import Channel


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_items_come_in_order_and_then_the_end() -> None:
    channel: Channel[int] = Channel(3)
    for item in range(3):
        await channel.put(item)
    channel.end()
    assert [await channel.take() for _ in range(4)] == [0, 1, 2, None]


async def test_a_fast_writer_waits_for_room() -> None:
    channel: Channel[int] = Channel(2)
    put: list[int] = []

    async def write() -> None:
        for item in range(5):
            await channel.put(item)
            put.append(item)
        channel.end()

    writing = asyncio.create_task(write())
    await settle()
    assert put == [0, 1]
    assert await channel.take() == 0
    await settle()
    assert put == [0, 1, 2]
    assert [await channel.take() for _ in range(5)] == [1, 2, 3, 4, None]
    await writing


async def test_without_a_reader_the_writer_never_waits_and_the_end_is_told() -> None:
    channel: Channel[int] = Channel(1)

    async def write() -> None:
        for item in range(10):
            await channel.put(item)
        channel.end()

    writing = asyncio.create_task(write())
    await settle()
    channel.abandon()
    await writing
    assert await channel.take() is None


async def test_an_end_outlives_the_leaving() -> None:
    channel: Channel[int] = Channel(2)
    await channel.put(1)
    channel.end()
    channel.abandon()
    assert await channel.take() is None
