"""One attempt: connect to a vetted address, post the bytes, judge the status, forget the rest."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpcore2
import httpx2

from frontend.errors import InvalidRequest
from frontend.webhooks.addresses import may_receive
from frontend.webhooks.settings import WebhookSettings
from frontend.webhooks.urls import check_url
from tritone import __version__

_CONNECT_TIMEOUT_S = 5.0
_MAX_ANSWER_BYTES = 16 * 1024
_ACCEPTED = range(200, 300)
_HEADERS = {
    "content-type": "application/json",
    "user-agent": f"Tritone-Webhooks/{__version__}",
    "accept-encoding": "identity",  # a small answer must not unpack into a large one
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one attempt gave. Never shown to the API's caller beyond the status and our words."""

    status_code: int | None  # None: there was no answer
    problem: str | None  # None: accepted
    seconds: float
    retry_after_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        """The receiver has it."""
        return self.problem is None


class Refused(httpcore2.ConnectError):
    """The name leads to an address that webhooks must not go to."""


class VettedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves a name once, judges every address it gives, and connects to one of those.

    The host header and the certificate's name stay those of the URL, because only the connection
    is replaced; a name that changes between the check and the connection has no second chance.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        """Judge by these settings."""
        self._settings = settings
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the interface of httpcore2
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers.

        Raises:
            Refused: one of the addresses is not allowed; then none is tried.
        """
        addresses = await self._vetted(host, port)
        problem: Exception = httpcore2.ConnectError("no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                problem = error
        raise problem

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Never."""
        raise Refused("not a network address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _vetted(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the name does not resolve") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed, denied = self._settings.allow_networks, self._settings.deny_networks
        for address in addresses:
            if not may_receive(ip_address(address), allowed, denied):
                raise Refused("the name leads to an address that is not public")
        return addresses


class Sender:
    """Posts signed bytes to strangers' servers."""

    def __init__(self, settings: WebhookSettings, tls: ssl.SSLContext | None = None) -> None:
        """`tls` replaces the system's certificates in tests."""
        self._settings = settings
        transport = httpx2.AsyncHTTPTransport(
            verify=tls or True,
            retries=0,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
        # The transport has no argument for it; a test checks that this is where it belongs.
        transport._pool._network_backend = VettedBackend(settings)
        self._client = httpx2.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,  # neither proxies nor credentials of this machine
            timeout=httpx2.Timeout(settings.timeout_s, connect=_CONNECT_TIMEOUT_S),
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Return what the receiver answered; never raises for what is outside."""
        start = time.monotonic()
        try:
            check_url(url, self._settings)  # the settings may be stricter than at submission
            # Timeouts of the client are per read: a server that drips needs one for the whole.
            async with asyncio.timeout(self._settings.timeout_s):
                status, retry_after_s = await self._post(url, headers, body)
        except (TimeoutError, httpx2.TimeoutException):
            return _unanswered("timed out", start)
        except Refused as error:
            return _unanswered(str(error), start)
        except InvalidRequest as error:
            return _unanswered(error.message, start)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.ConnectError) as error:
            refusal = _refusal(error)
            return _unanswered(refusal or f"no connection ({type(error).__name__})", start)
        return Answer(
            status_code=status,
            problem=None if status in _ACCEPTED else f"answered {status}",
            seconds=time.monotonic() - start,
            retry_after_s=retry_after_s,
        )

    async def _post(
        self, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, float | None]:
        request = self._client.stream("POST", url, content=body, headers=_HEADERS | headers)
        async with request as response:
            n_bytes = 0
            async for piece in response.aiter_raw():  # a server may reset when it is not read out
                n_bytes += len(piece)
                if n_bytes > _MAX_ANSWER_BYTES:
                    break
            return response.status_code, retry_after_s(response.headers.get("retry-after"))


def retry_after_s(text: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for: a number, or a date."""
    if not text:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text.strip()[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _refusal(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, Refused):
            return str(error)
        error = error.__cause__ or error.__context__
    return None


def _unanswered(problem: str, start: float) -> Answer:
    return Answer(status_code=None, problem=problem, seconds=time.monotonic() - start)
