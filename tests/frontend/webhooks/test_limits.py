import asyncio

from frontend.webhooks.limits import HostLimit


async def test_a_host_has_so_many_slots_and_others_have_their_own() -> None:
    limit = HostLimit(1)
    async with limit.slot("a") as first, limit.slot("b") as other:
        assert first
        assert other
        async with limit.slot("a") as second:
            assert not second
    async with limit.slot("a") as third:
        assert third


async def test_a_slot_that_becomes_free_soon_is_waited_for() -> None:
    limit = HostLimit(1)

    async def hold() -> None:
        async with limit.slot("a"):
            await asyncio.sleep(0.1)

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    async with limit.slot("a") as is_free:
        assert is_free
    await holding


async def test_hosts_leave_no_trace() -> None:
    limit = HostLimit(2)
    for n in range(100):
        async with limit.slot(f"host{n}"):
            pass
    assert len(limit._slots) <= 1
