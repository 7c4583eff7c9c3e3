"""Stand-ins at our own seams."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from frontend.triton.gateway import Catalog, Pass, PassOptions, PassResult, Progress
from tritone.card import ModelCard
from tritone.pcm import Pcm, to_int16


def sine(card: ModelCard, n_samples: int, hz: float = 440.0) -> Pcm:
    """Return a tone at half of full scale: int16 [audio_channels, n_samples]."""
    wave = 0.5 * np.sin(2 * np.pi * hz / card.sample_rate * np.arange(n_samples))
    return np.tile(to_int16(wave), (card.audio_channels, 1))


@dataclass
class FakeGateway:
    """A `Gateway` that answers at once with a tone of the asked length, or as told."""

    catalog: Catalog
    error: Exception | None = None  # raised by `generate`
    unreachable: Exception | None = None  # raised by everything else
    gate: asyncio.Event | None = None  # `generate` waits for it
    ending: asyncio.Event | None = None  # a cancelled `generate` waits for it
    passes: list[Pass] = field(default_factory=list)
    options: list[PassOptions] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)  # job ids
    refreshes: int = 0
    is_open: bool = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def refresh(self) -> Catalog:
        self.refreshes += 1
        if self.unreachable is not None:
            raise self.unreachable
        return self.catalog

    async def generate(self, pass_: Pass, options: PassOptions) -> PassResult:
        self.passes.append(pass_)
        self.options.append(options)
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(options.pass_id)
            if self.ending is not None:
                await self.ending.wait()
            raise
        if self.error is not None:
            raise self.error
        # One pitch per seed, so that segments differ.
        pcm = sine(pass_.card, pass_.span.n_samples, 200.0 + 50.0 * (pass_.seed % 32))
        return PassResult(pcm=pcm, model_version="1")

    async def cancel(self, model: str, pass_id: str) -> None:
        self.cancelled.append(pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        return None
