"""A maker of sounds that sleeps: what real workers run in these tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from frontend.passes.caller import Caller
from frontend.sounds.request import GenerationRequest, Sound
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speech
from frontend.triton.gateway import Progress
from tests.cards import STARTER_LIKE


@dataclass
class SleepingMaker:
    """Sleeps as long as told, counts its steps, and fails on prompts that ask for it."""

    seconds: float = 0.0
    errors: list[Exception] = field(default_factory=list)  # raised by the next calls
    began: list[str] = field(default_factory=list)  # request ids
    cancelled: list[str] = field(default_factory=list)
    _progress: dict[str, Progress] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_begun(self, n: int = 1, timeout_s: float = 20.0) -> None:
        """Return when so many sounds were begun."""
        async with asyncio.timeout(timeout_s):
            while len(self.began) < n:
                self._news.clear()
                await self._news.wait()

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        self.began.append(caller.request_id)
        self._news.set()
        try:
            for n in range(4):
                self._progress[caller.request_id] = Progress(n, 4)
                await asyncio.sleep(self.seconds / 4)
        except asyncio.CancelledError:
            self.cancelled.append(caller.request_id)
            raise
        if self.errors:
            raise self.errors.pop(0)
        return Sound(
            pcm=np.zeros((1, 1600), np.int16),
            card=STARTER_LIKE,
            model_version="1",
            seed=request.seed or 0,
            steps=20,
            guidance_scale=5.0,
        )

    async def speak(self, request: SpeechRequest, caller: Caller) -> Speech:
        raise NotImplementedError("it makes sounds only")

    async def progress(self, request_id: str) -> Progress | None:
        return self._progress.get(request_id)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["SleepingMaker"]:
        yield self
