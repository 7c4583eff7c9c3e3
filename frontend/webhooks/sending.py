"""One attempt: connect to a vetted address, post the bytes, judge the status, forget the rest."""

import asyncio
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2
import httpx2

from frontend.errors import InvalidRequest
from frontend.webhooks.model import AttemptOutcome
from frontend.webhooks.network import ForbiddenAddress, NameResolver, VettedBackend
from frontend.webhooks.resolver import Resolver, UnknownName
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


class Sender:
    """Posts signed bytes to strangers' servers."""

    def __init__(
        self,
        settings: WebhookSettings,
        tls: ssl.SSLContext | None = None,
        resolver: NameResolver | None = None,
    ) -> None:
        """`tls` replaces the system's certificates in tests, `resolver` its name servers."""
        self._settings = settings
        self._resolver = resolver or Resolver()
        transport = httpx2.AsyncHTTPTransport(
            verify=tls or True,
            retries=0,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
        # The transport has no argument for it; a test checks that this is where it belongs.
        transport._pool._network_backend = VettedBackend(settings, self._resolver)
        self._client = httpx2.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,  # neither proxies nor credentials of this machine
            timeout=httpx2.Timeout(settings.timeout_s, connect=_CONNECT_TIMEOUT_S),
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()
        await self._resolver.close()

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> AttemptOutcome:
        """Return what the receiver answered; never raises for what is outside."""
        start = time.monotonic()
        try:
            check_url(url, self._settings)  # the settings may be stricter than at submission
            # Timeouts of the client are per read: a server that drips needs one for the whole.
            async with asyncio.timeout(self._settings.timeout_s):
                status, retry_after_s = await self._post(url, headers, body)
        except (TimeoutError, httpx2.TimeoutException):
            return _make_unanswered("timed out", start)
        except InvalidRequest as error:
            return _make_unanswered(error.message, start)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.ConnectError) as error:
            reason = _find_own_reason(error)
            return _make_unanswered(reason or f"no connection ({type(error).__name__})", start)
        return AttemptOutcome(
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


def _find_own_reason(error: BaseException | None) -> str | None:
    """Return our own words for why there is no connection; None: a library's only."""
    while error is not None:
        if isinstance(error, (ForbiddenAddress, UnknownName)):
            return str(error)
        error = error.__cause__ or error.__context__
    return None


def _make_unanswered(problem: str, start: float) -> AttemptOutcome:
    return AttemptOutcome(status_code=None, problem=problem, seconds=time.monotonic() - start)
