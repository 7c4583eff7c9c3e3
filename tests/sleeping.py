"""Tests that say what a pause is, or that look when one begins."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest


def replace_sleep(
    monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Replace `asyncio.sleep` in this thread; servers of other tests run in threads of theirs."""
    theirs, ours = asyncio.sleep, threading.get_ident()

    async def choose(seconds: float) -> None:
        await (sleep if threading.get_ident() == ours else theirs)(seconds)

    monkeypatch.setattr(asyncio, "sleep", choose)
