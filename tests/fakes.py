"""Stand-ins at our own seams."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from frontend.triton.gateway import (
    Catalog,
    Chunk,
    Chunks,
    Pass,
    PassOptions,
    Progress,
    SoundPass,
    SpeechPass,
)
from tritone.card import Card
from tritone.pcm import Pcm, to_int16
from tritone.words import TextUse


def sine(card: Card, n_samples: int, hz: float = 440.0) -> Pcm:
    """Return a tone at half of full scale: int16 [audio_channels, n_samples]."""
    wave = 0.5 * np.sin(2 * np.pi * hz / card.sample_rate * np.arange(n_samples))
    return np.tile(to_int16(wave), (card.audio_channels, 1))


def speak(pass_: SpeechPass) -> Iterator[Chunk]:
    """Yield a tone for each sentence, a twentieth of a second for each of its characters."""
    sentences = [part for part in pass_.text.split(".") if part.strip()]
    n_spoken = 0
    for k, sentence in enumerate(sentences, 1):
        yield Chunk(
            pcm=sine(pass_.card, len(sentence) * pass_.card.sample_rate // 20),
            model_version="1",
            progress=Progress(k, len(sentences)),
            timings=_time(sentence, n_spoken / 20) if pass_.wants_timings else None,
        )
        n_spoken += len(sentence)


def _time(sentence: str, start_s: float) -> str:
    """Return a chunk's timings as docs/speech.md shows them."""
    alignment = {
        "characters": list(sentence),
        "character_start_times_seconds": [k / 20 for k in range(len(sentence))],
        "character_end_times_seconds": [(k + 1) / 20 for k in range(len(sentence))],
    }
    timings = {"start_s": start_s, "alignment": alignment, "normalized_alignment": alignment}
    return json.dumps(timings)


@dataclass
class FakeGateway:
    """A `Gateway` that answers at once with a tone of the asked length, or as told."""

    catalog: Catalog
    error: Exception | None = None  # raised by `stream`
    unreachable: Exception | None = None  # raised by everything else
    gate: asyncio.Event | None = None  # `stream` waits for it
    ending: asyncio.Event | None = None  # a cancelled `stream` waits for it
    passes: list[SoundPass] = field(default_factory=list)
    speech_passes: list[SpeechPass] = field(default_factory=list)
    options: list[PassOptions] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)  # job ids
    foreign_passes: int = 0
    n_counts: int = 0
    refreshes: int = 0
    model_version: str = "1"  # of every sound
    is_open: bool = False
    text_uses: tuple[TextUse, ...] = ()  # of every sound

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def refresh(self) -> Catalog:
        self.refreshes += 1
        if self.unreachable is not None:
            raise self.unreachable
        return self.catalog

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        self.options.append(options)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            if isinstance(pass_, SpeechPass):
                self.speech_passes.append(pass_)
                for chunk in speak(pass_):
                    yield chunk
            else:
                self.passes.append(pass_)
                # One pitch per seed, so that segments differ.
                hz = 200.0 + 50.0 * (pass_.seed % 32)
                yield Chunk(
                    pcm=sine(pass_.card, pass_.span.n_samples, hz),
                    model_version=self.model_version,
                    text_uses=self.text_uses,
                )
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.append(options.pass_id)
            if self.ending is not None:
                await self.ending.wait()
            raise

    async def count_foreign_passes(self, model: str) -> None:
        self.n_counts += 1

    async def cancel(self, model: str, pass_id: str) -> None:
        self.cancelled.append(pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        return None
