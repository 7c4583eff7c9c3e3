import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.types import Message

from frontend.http.disconnect import ClientGone, unless_disconnected


def request_of(receive: Callable[[], Awaitable[Message]]) -> Request:
    return Request({"type": "http", "headers": []}, receive)


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def left() -> Message:
    return {"type": "http.disconnect"}


class Work:
    def __init__(self) -> None:
        self.ended_by: BaseException | None = None
        self.has_cleaned_up = False

    async def endless(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            await asyncio.sleep(0)
            self.ended_by = error
            self.has_cleaned_up = True
            raise


async def test_the_result_is_returned_while_the_client_stays() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await unless_disconnected(request_of(never), work()) == 7


async def test_the_error_of_the_work_is_raised() -> None:
    async def work() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        await unless_disconnected(request_of(never), work())


async def test_a_disconnect_cancels_the_work_and_waits_for_its_end() -> None:
    work = Work()
    with pytest.raises(ClientGone):
        await unless_disconnected(request_of(left), work.endless())
    assert work.has_cleaned_up


async def test_other_messages_are_no_disconnect() -> None:
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    with pytest.raises(ClientGone):
        await unless_disconnected(request_of(receive), Work().endless())


async def test_cancelling_from_outside_cancels_the_work() -> None:
    work = Work()
    task = asyncio.create_task(unless_disconnected(request_of(never), work.endless()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.has_cleaned_up
