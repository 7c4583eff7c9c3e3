"""Names to addresses, without threads: a silent name server delays nobody but its own webhook."""

import asyncio
import socket
from collections.abc import Sequence

import aiodns
import httpcore2

_TRY_S = 2.0  # until a name server is asked again; the pauses grow
_TRIES = 2
_TIMEOUT_S = 5.0  # of a look-up, all name servers and tries together


class UnknownName(httpcore2.ConnectError):
    """The name leads nowhere, or no name server answered in time."""


class Resolver:
    """Asks `/etc/hosts`, then the name servers of `/etc/resolv.conf`, as `nsswitch.conf` says.

    It does not use the system's `getaddrinfo`: that holds a thread until it ends, and nothing can
    stop it. Sources that only the system's library knows, such as multicast DNS, are not asked.
    """

    def __init__(
        self,
        timeout_s: float = _TIMEOUT_S,
        *,
        name_servers: Sequence[str] | None = None,
        udp_port: int | None = None,
    ) -> None:
        """Needs a running event loop; tests have name servers of their own."""
        self._timeout_s = timeout_s
        self._dns = aiodns.DNSResolver(
            name_servers, timeout=_TRY_S, tries=_TRIES, udp_port=udp_port
        )

    async def close(self) -> None:
        """End every look-up."""
        await self._dns.close()

    async def addresses_of(self, host: str) -> list[str]:
        """Return every address of a name, the preferred first.

        Raises:
            UnknownName: there is none, or it was not found in time.
        """
        return _numeric(host) or await self._look_up(host)

    async def _look_up(self, host: str) -> list[str]:
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._dns.getaddrinfo(host, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise UnknownName("the name was not resolved in time") from error
        except aiodns.error.DNSError as error:
            raise UnknownName("the name does not resolve") from error
        return list(dict.fromkeys(node.addr[0].decode() for node in found.nodes))


def _numeric(host: str) -> list[str]:
    # Systems also take `2130706433` and `0x7f.1` for addresses. This asks nobody and does not wait.
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]
