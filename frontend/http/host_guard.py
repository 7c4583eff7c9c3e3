"""Refuses requests that name no host or several, and, where no API key does, foreign web pages.

A browser sends requests of any page to a server that its machine can reach. Two ways are closed
here: a name of the attacker's that leads to us (DNS rebinding), by the `Host`; and forms and
scripts of foreign pages, which may write although they cannot read, by the `Origin`.
"""

from collections.abc import Callable
from ipaddress import ip_address
from socket import gethostname
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from frontend.errors import Forbidden, InvalidRequest, TritoneError
from frontend.http.proxies import find_name, get_direct_hosts, get_hosts
from frontend.keys.policy import keys_are_required
from frontend.settings import Settings

# Names that nobody can register in public: only this network's own name server knows them.
_LOCAL_SUFFIXES = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1

# RFC 9112, section 3.2: two readers of such a request may each see another host.
_NOT_ONE_HOST = "A request names its host once, in one Host header."
_FOREIGN_HOST = (
    "This server asks for no API key and therefore answers only under names that it knows; add "
    "this one to TRITONE_ALLOWED_HOSTS, or require keys."
)
_FOREIGN_ORIGIN = (
    "This server asks for no API key and therefore takes nothing from other web pages; add this "
    "origin to TRITONE_CORS_ORIGINS, or require keys."
)


class HostGuard:
    """ASGI middleware; `render` makes the answer for an error."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        render: Callable[[Request, TritoneError], Response],
    ) -> None:
        """Wrap `app`; where keys are required, foreign pages pass: they have no key."""
        self._app = app
        self._render = render
        self._is_open = not keys_are_required(settings)
        public = settings.storage.public_url
        self._names = {name.lower() for name in (*settings.allowed_hosts, gethostname())}
        self._names |= {find_name(urlsplit(public).netloc) or ""} if public else set()
        self._origins = set(settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        error = self._find_error(scope)
        if error is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await self._render(Request(scope), error)(scope, receive, send)

    def _find_error(self, scope: Scope) -> TritoneError | None:
        if scope["type"] not in {"http", "websocket"}:
            return None
        is_old = scope.get("http_version") == "1.0"  # which knows no Host
        if len(get_direct_hosts(scope)) not in ({0, 1} if is_old else {1}):
            return InvalidRequest(_NOT_ONE_HOST)
        return self._find_foreign(scope) if self._is_open else None

    def _find_foreign(self, scope: Scope) -> Forbidden | None:
        if not all(self._is_known(host) for host in get_hosts(scope)):
            return Forbidden(_FOREIGN_HOST)
        is_reading = scope["type"] == "http" and scope["method"] in _READING
        if not is_reading and not self._may_write(Headers(scope=scope)):
            return Forbidden(_FOREIGN_ORIGIN)
        return None

    def _is_known(self, host: str) -> bool:
        name = find_name(host)
        if name is None:
            return False
        # An address cannot be made to lead elsewhere, as a name can.
        is_local = "." not in name or name.endswith(_LOCAL_SUFFIXES)
        return is_local or _is_address(name) or name in self._names

    def _may_write(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return True
        netloc = origin.partition("://")[2].lower()
        if netloc and netloc == headers.get("host", "").lower():
            return True  # our own page
        name = find_name(netloc)
        return name is not None and (_is_loopback(name) or name in self._names)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ip_address(name).is_loopback
