"""The real resolver: `/etc/hosts`, numbers, and name servers of our own, of which one is silent."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from frontend.webhooks.resolver import Resolver, UnknownName
from tests.frontend.webhooks.name_server import NameServer, name_server


@asynccontextmanager
async def asking(
    *, is_silent: bool, timeout_s: float = 5.0
) -> AsyncIterator[tuple[Resolver, NameServer]]:
    """Run a name server and a resolver that asks it."""
    async with name_server(is_silent=is_silent) as (server, port):
        resolver = Resolver(timeout_s, name_servers=["127.0.0.1"], udp_port=port)
        yield resolver, server
        await resolver.close()


async def test_names_come_from_a_name_server() -> None:
    async with asking(is_silent=False) as (resolver, server):
        assert await resolver.addresses_of("hooks.example.com") == ["192.0.2.7"]
        assert server.n_questions > 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "2130706433", "0x7f.1"])
async def test_this_machines_own_names_and_numbers_ask_nobody(host: str) -> None:
    async with asking(is_silent=True) as (resolver, server):
        addresses = await resolver.addresses_of(host)
        assert set(addresses) <= {"127.0.0.1", "::1"}
        assert addresses
        assert server.n_questions == 0


async def test_the_hosts_file_counts() -> None:
    async with asking(is_silent=True) as (resolver, _):
        assert await resolver.addresses_of(socket.gethostname())


async def test_a_silent_name_server_is_left_in_time_and_holds_no_thread() -> None:
    async with asking(is_silent=True, timeout_s=0.3) as (resolver, server):
        many = [resolver.addresses_of(f"n{n}.example.com") for n in range(200)]
        found = asyncio.gather(*many, return_exceptions=True)
        # More look-ups hang than the loop has threads: work for a thread does not wait for them.
        await asyncio.to_thread(time.sleep, 0)
        assert not found.done()
        problems = await found
    assert {str(each) for each in problems} == {"the name was not resolved in time"}
    assert all(isinstance(each, UnknownName) for each in problems)
    assert server.n_questions >= 200
