"""Where the Tritons are: one address, a list of them, or a name that stands for many."""

import asyncio
import re
import socket
from dataclasses import dataclass

_NAME_SCHEME = "dns:///"
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s,:/\[\]]+):(?P<port>\d{1,5})")
_SOCKET = re.compile(r"unix:/[^\s,]+")  # gRPC's own way to name a socket
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class TritonAddresses:
    """What `TRITONE_TRITON__URL` says."""

    addresses: tuple[str, ...]  # HOST:PORT each, or unix:/PATH of a socket
    is_name: bool = False  # the one address is a name, each of whose IP addresses is a Triton

    @property
    def is_single(self) -> bool:
        """Whether there is one Triton and never another."""
        return len(self.addresses) == 1 and not self.is_name


class Unresolved(Exception):
    """A name has no addresses now."""


def parse(url: str) -> TritonAddresses:
    """Return what an address says: `a:8001`, `a:8001,b:8001`, `dns:///name:8001`, `unix:/path`.

    Raises:
        ValueError: it is none of these; the text says so.
    """
    is_name = url.startswith(_NAME_SCHEME)
    parts = [url.removeprefix(_NAME_SCHEME)] if is_name else url.split(",")
    addresses = tuple(dict.fromkeys(part.strip() for part in parts))
    for address in addresses:
        found = _ADDRESS.fullmatch(address)
        if _SOCKET.fullmatch(address) and not is_name:
            continue
        if found is None or int(found["port"]) > _MAX_PORT:
            raise ValueError(
                f"{address!r} is not HOST:PORT; several Tritons are a:8001,b:8001 or, one for "
                "each address of a name, dns:///name:8001; a socket is unix:/path"
            )
    return TritonAddresses(addresses, is_name)


async def resolve(tritons: TritonAddresses, timeout_s: float) -> tuple[str, ...]:
    """Return the HOST:PORT of every Triton, sorted; only a name is looked up, each time anew.

    Raises:
        Unresolved: the name has no addresses, or nobody answered in time.
    """
    if not tritons.is_name:
        return tritons.addresses
    host, port = tritons.addresses[0].rsplit(":", 1)
    lookup = asyncio.get_running_loop().getaddrinfo(
        host.strip("[]"), int(port), type=socket.SOCK_STREAM
    )
    try:
        async with asyncio.timeout(timeout_s):
            found = await lookup
    except (TimeoutError, OSError, UnicodeError) as error:
        raise Unresolved(f"{host} has no addresses: {error}") from error
    return tuple(sorted({_join(str(place[0]), int(port)) for *_, place in found}))


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
