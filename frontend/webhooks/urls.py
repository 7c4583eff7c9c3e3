"""What can be said of a webhook's address without asking the network."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from frontend.errors import InvalidRequest
from frontend.webhooks.addresses import Address, may_receive
from frontend.webhooks.settings import WebhookSettings

MAX_URL_CHARS = 2048
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")
_WEB_PORTS = (80, 443)
_FIRST_FREE_PORT = 1024
# Services that understand, or are confused by, lines of text from strangers.
_SERVICE_PORTS = frozenset(
    {1433, 1521, 2049, 2375, 2376, 2379, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017}
)


def check_url(url: str, settings: WebhookSettings) -> None:
    """Refuse an address that can never be delivered to.

    Names are not resolved here: one that does not resolve is a failed delivery, not a bad request.

    Raises:
        InvalidRequest: says what is wrong with it.
    """
    parts = _split(url)
    if parts.scheme not in {"http", "https"} or (settings.https_only and parts.scheme == "http"):
        raise _refuse("must begin with https://" if settings.https_only else "must be http(s)")
    if parts.username is not None or parts.password is not None:
        raise _refuse("must not contain a user name")
    if parts.fragment or "#" in url:
        raise _refuse("must not contain a fragment")
    _check_port(parts)
    _check_host(parts.hostname or "", settings)


def get_host(url: str) -> str:
    """Return the host of a checked address, for limits."""
    return (urlsplit(url).hostname or "").rstrip(".")


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_CHARS:
        raise _refuse(f"must have at most {MAX_URL_CHARS} characters")
    if not url.isascii() or any(character <= " " or character in '\\"<>^`{|}' for character in url):
        raise _refuse("must be plain ASCII, escaped where needed")
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is none
    except ValueError as error:
        raise _refuse("is not a URL") from error
    if not parts.hostname:
        raise _refuse("must name a host")
    return parts


def _check_port(parts: SplitResult) -> None:
    port = parts.port
    if port is None or port in _WEB_PORTS:
        return
    if port < _FIRST_FREE_PORT or port in _SERVICE_PORTS:
        raise _refuse("must use port 80, 443 or a free one from 1024 up")


def _check_host(host: str, settings: WebhookSettings) -> None:
    address = parse_address(host)
    if address is not None:
        if not may_receive(address, settings.allow_networks, settings.deny_networks):
            raise _refuse("must be a public address")
        return
    name = host.rstrip(".")
    is_local = "." not in name or name.endswith(_LOCAL_SUFFIXES)
    # Where a network of the operator's is allowed, so are its names; each attempt judges addresses.
    if is_local and not settings.allow_networks:
        raise _refuse("must be a public host name")


def parse_address(host: str) -> Address | None:
    """Return the address that a host is written as, or None for a name.

    Not every name is one: resolvers also take `2130706433` and `0x7f.1` for 127.0.0.1. Therefore
    what a resolver answers is judged again before connecting.
    """
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refuse(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The webhook's address {reason}.", field="webhook_url")
