"""The connection of a webhook: to a vetted address of its host, and to no other."""

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Protocol

import httpcore2

from frontend.webhooks.addresses import vet
from frontend.webhooks.settings import WebhookSettings


class ForbiddenAddress(httpcore2.ConnectError):
    """The name leads to an address that webhooks must not go to."""


class NameResolver(Protocol):
    """Where addresses come from; tests have one of their own."""

    async def addresses_of(self, host: str) -> list[str]:
        """Return every address of a name; raises `httpcore2.ConnectError` where there is none."""

    async def close(self) -> None:
        """End every look-up."""


class VettedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves a name once, judges every address it gives, and connects to one of those.

    The host header and the certificate's name stay those of the URL, because only the connection
    is replaced; a name that changes between the check and the connection has no second chance.
    """

    def __init__(self, settings: WebhookSettings, resolver: NameResolver) -> None:
        """Judge by these settings."""
        self._settings = settings
        self._resolver = resolver
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
            ForbiddenAddress: the name may not be delivered to; then no address is tried.
        """
        addresses = await self._vetted_addresses(host)
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
        """Refuse: a webhook never goes to a socket of this machine."""
        raise ForbiddenAddress("not a network address")

    async def sleep(self, seconds: float) -> None:
        """Wait; httpcore2 does so between attempts."""
        await asyncio.sleep(seconds)

    async def _vetted_addresses(self, host: str) -> list[str]:
        found = [ip_address(each) for each in await self._resolver.addresses_of(host)]
        allowed, denied = self._settings.allow_networks, self._settings.deny_networks
        addresses = vet(found, allowed, denied)
        if not addresses:
            raise ForbiddenAddress("the name leads to an address that is not public")
        return [str(each) for each in addresses]
