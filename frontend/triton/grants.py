"""Tells a speaker that its listener is there, and how many more chunks it may send.

A version is addressed as soon as a chunk has named it: the last look at Triton may be older than a
promotion.
"""

import asyncio
from dataclasses import dataclass, field

from frontend.triton.background import BackgroundTasks
from frontend.triton.control import Control
from frontend.triton.gateway import Chunk
from frontend.triton.pass_tensors import CHUNKS_AHEAD

SIGN_PERIOD_S = 15.0
"""A speaker that hears nothing for a minute takes its listener for gone (docs/speech.md)."""

_CHUNKS_OF_A_GRANT = CHUNKS_AHEAD // 2


@dataclass(slots=True)
class Grants:
    """What the speaker of one pass is told. Make it inside a running event loop, and `end` it."""

    control: Control
    background: BackgroundTasks
    model: str
    pass_id: str
    is_granting: bool  # to a speaker; a denoiser makes one chunk, and waits for nobody
    version: str = ""  # that answers; empty: not known yet
    _n_taken: int = 0
    _signs: asyncio.Task[None] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin to give signs."""
        if self.is_granting:
            self._signs = self.background.start(self._give_signs())

    def hear(self, chunk: Chunk) -> None:
        """Note who made a chunk."""
        self.version = chunk.model_version

    def take(self) -> None:
        """Note that a chunk was taken: further ones may be made."""
        self._n_taken += 1
        if self.is_granting and self._n_taken % _CHUNKS_OF_A_GRANT == 0:
            self.background.start(self._grant(_CHUNKS_OF_A_GRANT))

    def end(self) -> None:
        """Give no more signs."""
        if self._signs is not None:
            self._signs.cancel()

    async def _give_signs(self) -> None:
        while True:
            await asyncio.sleep(SIGN_PERIOD_S)
            await self._grant(0)

    async def _grant(self, n_chunks: int) -> None:
        await self.control.grant(self.model, self.pass_id, n_chunks, self.version)
