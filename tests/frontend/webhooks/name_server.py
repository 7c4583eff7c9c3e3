"""A name server for tests, which may be silent."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast


class NameServer(asyncio.DatagramProtocol):
    """Answers every question for an address with 192.0.2.7, or nothing at all."""

    def __init__(self, *, is_silent: bool) -> None:
        self.is_silent = is_silent
        self.n_questions = 0
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.n_questions += 1
        if self.is_silent or self.transport is None:
            return
        end = data.index(b"\0", 12) + 5  # of the question: name, type, class
        is_ipv4 = data[end - 4 : end - 2] == b"\0\1"
        head = data[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_ipv4), 0, 0)
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton("192.0.2.7")
        self.transport.sendto(head + data[12:end] + record * is_ipv4, addr)


@asynccontextmanager
async def name_server(*, is_silent: bool) -> AsyncIterator[tuple[NameServer, int]]:
    """Run a name server; give it and its port."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(is_silent=is_silent), ("127.0.0.1", 0)
    )
    yield server, transport.get_extra_info("sockname")[1]
    transport.close()


@asynccontextmanager
async def silent_name_server() -> AsyncIterator[int]:
    """Run a name server that never answers; give its port."""
    async with name_server(is_silent=True) as (_, port):
        yield port
