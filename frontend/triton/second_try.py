"""A second try, while nothing of the first was heard."""

from collections.abc import Callable
from contextlib import aclosing

from frontend.errors import TritoneError
from frontend.triton.gateway import Chunks


async def stream_or_retry(first: Chunks, retry: Callable[[TritoneError], Chunks]) -> Chunks:
    """Yield the chunks of `first`; where it fails before any, those of the stream from `retry`.

    `retry` gets the error, and raises it where a second try makes no sense.
    """
    has_begun = False
    try:
        async with aclosing(first):
            async for chunk in first:
                has_begun = True
                yield chunk
        return
    except TritoneError as error:
        if has_begun:
            raise
        second = retry(error)
    async with aclosing(second):
        async for chunk in second:
            yield chunk
