"""Notices that a pass is lost: a killed backend process never answers its running requests."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
import tritonclient.grpc.aio as triton

from frontend.errors import BackendUnavailable
from frontend.triton.stream import AnswerReader

log = structlog.get_logger(__name__)

_MAX_UNKNOWN = 1  # looks in vain: a pass may not have reached its model at the first


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Waits for the answers of one pass, and asks periodically whether its model has it."""

    is_known: Callable[[], Awaitable[bool]]  # may raise a domain error itself
    period_s: float

    async def next_answer(self, reader: AnswerReader) -> triton.InferResult | None:
        """Return the next answer, or None at the end.

        Raises:
            BackendUnavailable: the process that had the pass is gone.
        """
        n_unknown = 0
        while True:
            try:
                async with asyncio.timeout(self.period_s):
                    return await reader.take()
            except TimeoutError:
                n_unknown = 0 if await self.is_known() else n_unknown + 1
            if n_unknown > _MAX_UNKNOWN:
                log.error("pass_lost")
                raise BackendUnavailable
