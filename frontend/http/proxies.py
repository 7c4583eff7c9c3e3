"""What a trusted proxy says of its client: the scheme, the address and the host that it used."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from frontend.settings import Settings

_FORWARDED_HOST = "x-forwarded-host"
_DIRECT_HOSTS = "direct_hosts"
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class TrustedProxies:
    """ASGI middleware, outside of all others: they see the client's view of the request."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        """Believe the proxies of the settings; everybody else's headers are left alone."""
        trusted = [str(network) for network in settings.trusted_proxies]
        self._inner = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] in {"http", "websocket"}:
            scope.setdefault("state", {})[_DIRECT_HOSTS] = Headers(scope=scope).getlist("host")
            self._use_forwarded_host(scope)
        await self._inner(scope, receive, send)  # type: ignore[arg-type]

    def _use_forwarded_host(self, scope: Scope) -> None:
        client = scope.get("client")
        forwarded = Headers(scope=scope).get(_FORWARDED_HOST)
        if forwarded is None or client is None or client[0] not in self._inner.trusted_hosts:
            return
        host = forwarded.rpartition(",")[2].strip()  # of the nearest proxy, which we trust
        if find_name(host) is not None:
            MutableHeaders(scope=scope)["host"] = host


def find_name(host: str) -> str | None:
    """Return the name or address of a `Host`, in lower case; None: it is malformed."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").rstrip(".").lower() or None if found else None


def get_direct_hosts(scope: Scope) -> list[str]:
    """Return the hosts that a request names itself, whatever a proxy says."""
    direct: list[str] | None = scope.get("state", {}).get(_DIRECT_HOSTS)
    return Headers(scope=scope).getlist("host") if direct is None else direct


def get_hosts(scope: Scope) -> list[str]:
    """Return every host that a request names: its own and what a trusted proxy says."""
    return [*get_direct_hosts(scope), *Headers(scope=scope).getlist("host")]


def get_base_url(request: Request) -> str | None:
    """Return the address under which the client reached us; None: it named no usable host."""
    if find_name(request.headers.get("host", "")) is None:
        return None
    return str(request.base_url).rstrip("/")
