"""A small pool of threads for samples only, so that other work never waits for it."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# FFmpeg releases the GIL: more threads than processors would only share them.
_THREADS = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="audio")


async def in_audio_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns, done in a thread. A work that has begun is not cancelled."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, partial(work, *args, **kwargs))
