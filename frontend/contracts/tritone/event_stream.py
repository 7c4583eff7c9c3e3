"""Server-sent events. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from fastapi.responses import StreamingResponse

from frontend.errors import TritoneError

KEEP_ALIVE_S = 15.0  # proxies drop connections that are silent for longer
_SILENCE = b": still here\n\n"

Events = AsyncIterator[tuple[str, object]]  # name, data


def event_stream(events: Events) -> StreamingResponse:
    """Return an answer that sends events as they come, and signs of life between them."""
    return StreamingResponse(
        encode_events(events, KEEP_ALIVE_S),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def encode_events(events: Events, keep_alive_s: float) -> AsyncGenerator[bytes]:
    """Yield events as bytes, and comments while there are none."""
    waiting = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=keep_alive_s)
            if not done:
                yield _SILENCE
                continue
            yield _event(*waiting.result())
            waiting = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    except TritoneError as error:  # too late for a status; clients connect again
        yield _event("failure", {"message": error.message})
    finally:
        waiting.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration, TritoneError):
            await waiting


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
