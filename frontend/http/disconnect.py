"""Work that ends when nobody waits for it any more."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from frontend.errors import FrontendError

T = TypeVar("T")


class ClientGone(FrontendError):
    """The client disconnected before the answer; there is nobody to tell."""


async def unless_disconnected(request: Request, work: Awaitable[T]) -> T:
    """Return the result of `work`, or cancel it when the client disconnects.

    Read the body first: what is left of it would be swallowed here.

    Raises:
        ClientGone: the client disconnected; `work` has ended.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_disconnection(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        # Wait for the clean-up of what was cancelled; its outcome is of no interest.
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
