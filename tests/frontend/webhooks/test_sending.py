import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpcore2
import httpx2
import pytest

from frontend.webhooks.network import VettedBackend
from frontend.webhooks.resolver import Resolver
from frontend.webhooks.sending import Sender, retry_after_s
from frontend.webhooks.settings import WebhookSettings

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OPEN = WebhookSettings.model_validate({"allow_networks": ["127.0.0.0/8"], "timeout_s": 1.0})
CLOSED = WebhookSettings.model_validate({"timeout_s": 1.0})
NAME = "receiver.example.com"


@asynccontextmanager
async def serving(answer: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(text: str, heads: list[str] | None = None) -> Serve:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if heads is not None:
            heads.append(head)
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return answer


class Names(Resolver):
    """Knows some names itself; each look-up takes the next answer, then the last."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, list[str]] = {}

    async def addresses_of(self, host: str) -> list[str]:
        if host not in self.known:
            return await super().addresses_of(host)
        answers = self.known[host]
        return (answers.pop(0) if len(answers) > 1 else answers[0]).split(",")


@pytest.fixture
async def resolver() -> AsyncIterator[Names]:
    resolver = Names()
    yield resolver
    await resolver.close()


@pytest.fixture
def names(resolver: Names) -> dict[str, list[str]]:
    return resolver.known


@pytest.fixture
async def sender(resolver: Names) -> AsyncIterator[Sender]:
    sender = Sender(OPEN, resolver=resolver)
    yield sender
    await sender.close()


@pytest.fixture
async def strict(resolver: Names) -> AsyncIterator[Sender]:
    sender = Sender(CLOSED, resolver=resolver)
    yield sender
    await sender.close()


async def test_the_transport_takes_our_backend_where_we_put_it() -> None:
    # `Sender` reaches into httpx2, which has no argument for this.
    transport = httpx2.AsyncHTTPTransport()
    assert isinstance(transport._pool, httpcore2.AsyncConnectionPool)
    assert hasattr(transport._pool, "_network_backend")


async def test_a_2xx_is_accepted_and_only_our_headers_are_sent(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    heads: list[str] = []
    async with serving(saying("HTTP/1.1 204 X\n\n", heads)) as port:
        url = f"http://127.0.0.1:{port}/hook?a=b"
        answer = await sender.send(url, {"webhook-id": "msg_1"}, b"{}")
    assert answer.is_accepted
    lines = heads[0].lower().split("\r\n")
    assert lines[0] == "post /hook?a=b http/1.1"
    assert f"host: 127.0.0.1:{port}" in lines
    assert "webhook-id: msg_1" in lines
    assert "content-type: application/json" in lines
    sent = {line.split(":")[0] for line in lines[1:] if line}
    assert sent <= {
        *("host", "accept", "accept-encoding", "connection", "user-agent"),
        *("content-type", "content-length", "webhook-id"),
    }


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(sender: Sender, status: int) -> None:
    heads: list[str] = []
    text = f"HTTP/1.1 {status} X\nLocation: http://169.254.169.254/\nContent-Length: 0\n\n"
    async with serving(saying(text, heads)) as port:
        answer = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (answer.status_code, answer.problem) == (status, f"answered {status}")
    assert len(heads) == 1


async def test_a_dripping_server_is_cut_off_in_time(sender: Sender) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with serving(drip) as port:
        answer = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.seconds < 9  # the server drips for ten seconds
    assert (answer.status_code, answer.problem) == (None, "timed out")


async def test_a_huge_answer_is_not_read(sender: Sender) -> None:
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            written += 1_000_000

    async with serving(flood) as port:
        answer = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert answer.is_accepted
    assert written < 50_000_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("not http at all\n\n", id="garbage"),
        pytest.param("HTTP/1.1 200 OK\nContent-Length: 9\n\nabc", id="cut-off"),
    ],
)
async def test_a_broken_answer_is_a_failed_attempt(sender: Sender, text: str) -> None:
    async with serving(saying(text)) as port:
        answer = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert not answer.is_accepted
    assert answer.status_code is None


async def test_nobody_there_is_a_failed_attempt(sender: Sender) -> None:
    answer = await sender.send("http://127.0.0.1:1024/", {}, b"{}")
    assert answer.problem is not None
    assert answer.problem.startswith("no connection")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"),
        *("0177.0.0.1", "127.1", "10.0.0.1", "169.254.169.254", "[64:ff9b::7f00:1]"),
        *("0.0.0.0", "100.64.0.1"),
    ],
)
async def test_this_machine_and_its_network_cannot_be_reached(strict: Sender, host: str) -> None:
    heads: list[str] = []
    async with serving(saying("HTTP/1.1 204 X\n\n", heads)) as port:
        answer = await strict.send(f"http://{host}:{port}/", {}, b"{}")
    assert not answer.is_accepted
    assert heads == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
async def test_what_only_resolvers_take_for_an_address_is_judged_by_the_resolver(
    resolver: Names, host: str
) -> None:
    with pytest.raises(httpcore2.ConnectError, match="not public"):
        await VettedBackend(CLOSED, resolver).connect_tcp(host, 80, timeout=1.0)


async def test_one_forbidden_address_among_good_ones_forbids_the_name(
    strict: Sender, names: dict[str, list[str]]
) -> None:
    names[NAME] = ["93.184.216.34,127.0.0.1"]
    answer = await strict.send(f"http://{NAME}/", {}, b"{}")
    assert answer.problem == "the name leads to an address that is not public"


async def test_a_name_is_resolved_once_and_its_host_header_kept(
    sender: Sender, names: dict[str, list[str]]
) -> None:
    # Rebinding: the second answer would be this machine's network.
    names[NAME] = ["127.0.0.1", "10.0.0.1"]
    heads: list[str] = []
    async with serving(saying("HTTP/1.1 204 X\n\n", heads)) as port:
        assert (await sender.send(f"http://{NAME}:{port}/", {}, b"{}")).is_accepted
        again = await sender.send(f"http://{NAME}:{port}/", {}, b"{}")
    assert f"host: {NAME}:{port}" in heads[0].lower()
    assert again.problem == "the name leads to an address that is not public"
    assert len(heads) == 1


async def test_a_name_that_does_not_resolve_is_a_failed_attempt(
    sender: Sender, names: dict[str, list[str]]
) -> None:
    answer = await sender.send("http://no-such-name.invalid/", {}, b"{}")
    assert (answer.status_code, names) == (None, {})
    assert answer.problem == "the name does not resolve"


async def test_a_name_of_the_operators_network_is_delivered_to(sender: Sender) -> None:
    # `localhost` is `::1` as well, which is not allowed here: that address is left out.
    heads: list[str] = []
    async with serving(saying("HTTP/1.1 204 X\n\n", heads)) as port:
        answer = await sender.send(f"http://localhost:{port}/hook", {}, b"{}")
    assert answer.is_accepted
    assert f"host: localhost:{port}" in heads[0].lower()


async def test_a_denied_network_stays_denied_by_name(resolver: Names) -> None:
    denied = WebhookSettings.model_validate(
        {"allow_networks": ["127.0.0.0/8"], "deny_networks": ["127.0.0.0/8"]}
    )
    sender = Sender(denied, resolver=resolver)
    answer = await sender.send("http://localhost:1024/", {}, b"{}")
    assert answer.problem == "the name leads to an address that is not public"
    await sender.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(cert), "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}"),
        ],
        check=True,
        capture_output=True,
    )
    return key, cert


async def test_tls_asks_for_and_checks_the_name_and_not_the_address(
    certificate: tuple[Path, Path], resolver: Names, names: dict[str, list[str]]
) -> None:
    key, cert = certificate
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(cert, key)
    asked: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    sender = Sender(OPEN, ssl.create_default_context(cafile=str(cert)), resolver)
    names[NAME] = ["127.0.0.1"]
    names["other.example.com"] = ["127.0.0.1"]
    async with serving(saying("HTTP/1.1 204 X\n\n"), server_tls) as port:
        assert (await sender.send(f"https://{NAME}:{port}/", {}, b"{}")).is_accepted
        assert asked == [NAME]
        wrong = await sender.send(f"https://other.example.com:{port}/", {}, b"{}")
    assert wrong.status_code is None
    await sender.close()


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_s("120") == 120.0
    assert retry_after_s(" 0 ") == 0.0
    soon = retry_after_s(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert soon is not None
    assert 55 < soon <= 60
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    for text in (None, "", "soon", "-5", "²"):
        assert retry_after_s(text) is None
