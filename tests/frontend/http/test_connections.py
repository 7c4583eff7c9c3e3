"""What strangers may do to our connections, on a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from frontend.http import connections
from frontend.http.connections import BoundedConnection, ConnectionTable
from ops.polling import until

TIMEOUT_S = 30.0
LATE_S = 1.5  # an answer whose first bytes were sent before
LONG = 16 * 1024 * 1024  # more than the buffers of both sides hold
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"


begun: list[object] = []
"""The addresses of clients whose requests were begun to work on, in this test."""


@pytest.fixture(autouse=True)
def _begin_anew() -> None:
    begun.clear()  # a port may be given to a client of a later test again


left: list[object] = []
"""The addresses of clients that /never waited for until they had left."""


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body: without a length on /stream, late on /late, and never on /never."""
    begun.append(scope["client"])
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    if scope["path"] == "/long":
        body = bytes(LONG)
    if scope["path"] == "/never":
        while (await receive())["type"] != "http.disconnect":
            pass
        left.append(scope["client"])
        return
    if scope["path"] == "/late":
        await asyncio.sleep(LATE_S)
    length = [] if scope["path"] == "/stream" else [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    half = len(body) // 2
    await send({"type": "http.response.body", "body": body[:half], "more_body": True})
    await send({"type": "http.response.body", "body": body[half:]})


class Client:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0.002)  # so that the pieces arrive apart

    async def read(self, *, n_bytes: int = -1) -> bytes:
        async with asyncio.timeout(TIMEOUT_S):
            try:
                return await self._reader.read(n_bytes)
            except ConnectionError:
                return b""

    async def read_until(self, ending: bytes) -> bytes:
        answer = b""
        while not answer.endswith(ending):
            piece = await self.read(n_bytes=65536)
            assert piece, answer
            answer += piece
        return answer

    async def ask(self, head: str) -> bytes:
        await self.send(f"{head}\r\n\r\n".encode())
        return await self.read(n_bytes=65536)

    @property
    def address(self) -> tuple[str, int]:
        address: tuple[str, int] = self._writer.get_extra_info("sockname")
        return address

    def end_sending(self) -> None:
        self._writer.write_eof()

    def close(self) -> None:
        self._writer.close()


Connect = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def serving(max_connections: int) -> AsyncIterator[Connect]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        bounded = partial(BoundedConnection, table=ConnectionTable(max_connections))
        config = uvicorn.Config(echo, http=bounded, lifespan="off", log_config=None)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listening])
        clients: list[Client] = []

        async def connect() -> Client:
            clients.append(Client(*await asyncio.open_connection(*listening.getsockname())))
            return clients[-1]

        yield connect
        for client in clients:
            client.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await server.shutdown(sockets=[listening])


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    async with serving(max_connections=4) as connect:
        yield connect


@pytest.mark.parametrize(
    ("head", "pieces"),
    [
        (f"{H2C}Content-Length: 4\r\n\r\n", [b"rain"]),
        (f"{H2C.lower()}Transfer-Encoding: chunked\r\n\r\n", [b"4\r\nrain\r\n0\r\n\r\n"]),
        (f"{H2C}Content-Length: 4\r\n\r\n", [b"", b"rain"]),
    ],
)
async def test_an_offer_to_upgrade_that_nobody_takes_is_ignored(
    connect: Connect, head: str, pieces: list[bytes]
) -> None:
    client = await connect()
    start = f"POST / HTTP/1.1\r\nHost: x\r\n{head}".encode()
    for _ in range(2):  # the connection goes on
        await client.send(start + pieces[0], *pieces[1:])
        assert (await client.read_until(b"rain")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("head", [H2C, f"{H2C}Connection: close, Upgrade\r\n"])
async def test_an_ignored_offer_changes_no_body_wherever_the_pieces_end(head: str) -> None:
    body = b"a\r\nUpgrade: h2c\r\n\r\nb"
    start = f"POST / HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    request = start.encode() + body
    async with serving(max_connections=len(request)) as connect:
        for end in range(1, len(request)):
            client = await connect()
            await client.send(request[:end], request[end:])
            _, _, answer = (await client.read_until(body)).partition(b"\r\n\r\n")
            assert answer == body, request[end:]
            client.close()


async def test_offers_in_one_piece_with_the_request_before_are_ignored(connect: Connect) -> None:
    client = await connect()
    names = [f"rain {n}".encode() for n in range(1000, 3000)]
    start = f"POST / HTTP/1.1\r\nHost: x\r\n{H2C}Content-Length: 9\r\n\r\n".encode()
    await client.send(b"".join(start + name for name in names))
    answers = await client.read_until(names[-1])
    assert [answer[:9] for answer in answers.split(b"\r\n\r\n")[1:]] == names


async def test_a_tunnel_is_refused(connect: Connect) -> None:
    assert (await (await connect()).ask("CONNECT x:1 HTTP/1.1\r\nHost: x:1")).startswith(
        b"HTTP/1.1 400"
    )


async def test_an_http_1_0_client_gets_no_chunks(connect: Connect) -> None:
    client = await connect()
    await client.send(b"POST /stream HTTP/1.0\r\nContent-Length: 4\r\n\r\nrain")
    head, _, body = (await client.read()).partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert b"connection: close" in head.lower()
    assert body == b"rain"


async def test_an_http_1_1_client_gets_chunks_and_keeps_its_connection(connect: Connect) -> None:
    client = await connect()
    for _ in range(2):
        await client.send(b"POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nrain")
        answer = await client.read_until(b"0\r\n\r\n")
        assert b"transfer-encoding: chunked" in answer


async def test_a_head_without_end_is_refused_early(connect: Connect) -> None:
    client = await connect()
    await client.send(b"GET / HTTP/1.1\r\n")
    line = b"x-rain: " + b"a" * 8192 + b"\r\n"
    await client.send(*[line] * (connections.MAX_HEAD_BYTES // len(line) + 1))
    assert (await client.read()).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nrain"]
)
async def test_who_keeps_us_waiting_is_left(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    for name in ("HEAD_TIMEOUT_S", "BODY_TIMEOUT_S", "_SWEEP_S"):
        monkeypatch.setattr(connections, name, 0.05)
    async with serving(max_connections=4) as connect:
        client = await connect()
        await client.send(sent)
        assert await client.read() == b""


async def test_a_body_that_came_fast_buys_no_long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BODY_TIMEOUT_S", "_SWEEP_S"):
        monkeypatch.setattr(connections, name, 0.05)
    async with serving(max_connections=4) as connect:
        client = await connect()
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {LONG}\r\n\r\n"
        await client.send(head.encode(), bytes(LONG // 2))
        assert await client.read() == b""


async def test_who_reads_nothing_of_an_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEND_TIMEOUT_S", "_SWEEP_S"):
        monkeypatch.setattr(connections, name, 0.05)
    async with serving(max_connections=4) as connect:
        client = await connect()
        await client.send(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.5)
        n_bytes = 0
        while piece := await client.read(n_bytes=1024 * 1024):
            n_bytes += len(piece)
        assert 0 < n_bytes < LONG


async def test_who_reads_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SEND_TIMEOUT_S", 0.4)
    monkeypatch.setattr(connections, "_SWEEP_S", 0.02)
    async with serving(max_connections=4) as connect:
        client = await connect()
        await client.send(b"GET /long HTTP/1.0\r\n\r\n")
        n_bytes = 0
        while piece := await client.read(n_bytes=256 * 1024):
            n_bytes += len(piece)
            await asyncio.sleep(0.02)
        assert n_bytes > LONG


async def test_connections_that_wait_make_room_for_those_that_ask(connect: Connect) -> None:
    for _ in range(20):
        await (await connect()).send(b"GET / HT")
    client = await connect()
    assert (await client.ask("GET / HTTP/1.1\r\nHost: x")).startswith(b"HTTP/1.1 200")


async def test_connections_that_are_served_make_no_room(connect: Connect) -> None:
    for _ in range(4):
        await (await connect()).send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await (await connect()).read()).startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize("head", ["Content-Length: 4", "Transfer-Encoding: chunked"])
async def test_half_a_request_is_no_work_for_anybody(connect: Connect, head: str) -> None:
    slow, fast = await connect(), await connect()
    pieces = [b"r", b"ain"] if "Length" in head else [b"1\r\nr\r\n", b"3\r\nain\r\n0\r\n\r\n"]
    await slow.send(f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode(), pieces[0])
    assert b"200" in await fast.ask("GET / HTTP/1.1\r\nHost: x")
    assert fast.address in begun
    assert slow.address not in begun
    await slow.send(pieces[1])
    assert (await slow.read_until(b"rain")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("head", [f"Content-Length: {LONG}", "Transfer-Encoding: chunked"])
async def test_a_long_body_is_worked_on_while_it_comes(connect: Connect, head: str) -> None:
    client = await connect()
    piece = bytes(48 * 1024)
    body = piece if "Length" in head else b"%x\r\n%b\r\n" % (len(piece), piece)
    await client.send(f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode(), body)
    async with asyncio.timeout(TIMEOUT_S):
        await until(lambda: asyncio.sleep(0, client.address in begun))


async def test_who_asks_whether_to_send_a_body_is_told(connect: Connect) -> None:
    client = await connect()
    answer = await client.ask(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4"
    )
    assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"rain")
    assert (await client.read_until(b"rain")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/", "/late", "/stream"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_who_only_ends_sending_gets_the_whole_answer(
    connect: Connect, path: str, version: str
) -> None:
    answers = []
    for ends_sending in (True, False):
        client = await connect()
        head = f"POST {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
        await client.send(f"{head}Content-Length: 4\r\n\r\nrain".encode())
        if ends_sending:
            client.end_sending()
        answer = b""
        while piece := await client.read():
            answer += piece
        head_of, _, body = answer.partition(b"\r\n\r\n")
        answers.append((head_of.splitlines()[0], body))
    assert answers[0] == answers[1]
    assert answers[0][0] == b"HTTP/1.1 200 OK"


async def test_who_leaves_is_noticed_although_it_looks_alike(connect: Connect) -> None:
    client = await connect()
    await client.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    address = client.address
    client.close()
    async with asyncio.timeout(TIMEOUT_S):
        await until(lambda: asyncio.sleep(0, address in left))


async def test_who_leaves_after_it_has_ended_sending_is_noticed(connect: Connect) -> None:
    client = await connect()
    await client.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    address = client.address
    client.end_sending()
    await asyncio.sleep(0.2)
    assert address not in left
    client.close()
    async with asyncio.timeout(TIMEOUT_S):
        await until(lambda: asyncio.sleep(0, address in left))


def test_the_bound_leaves_files_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _which: (1024, 1024))
    assert connections.count_possible_connections() == 768
