"""Notices models that make no sound any more.

A failed pass may be its caller's fault. So after a few failures in a row we ask the model for a
short sound. If that fails too, its sounds count as stopped until one succeeds; meanwhile it still
gets passes.
"""

import asyncio
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import structlog

from frontend.errors import DeadlineExceeded, GenerationFailed, TritoneError
from frontend.settings import TritonSettings
from frontend.triton.gateway import (
    Catalog,
    Chunks,
    Gateway,
    Pass,
    PassOptions,
    Progress,
    SoundPass,
    SpeechPass,
    collect,
)
from tritone import upstream
from tritone.card import Card, SpeechCard
from tritone.speech_options import SpeechOptions
from tritone.tasks import end_tasks
from tritone.turns import BACKGROUND

log = structlog.get_logger(__name__)

_TRIAL_S = 60.0  # that a short sound may take
_SECONDS = float(np.float32(0.1))

Tell = Callable[[str], Awaitable[None]]
"""Told the name of a model whose sounds have stopped, after every trial that fails."""


async def _tell_nobody(_model: str) -> None:
    return


class SoundWatch:
    """A `Gateway` that knows whose sounds have stopped. Use from one event loop only."""

    def __init__(self, inner: Gateway, settings: TritonSettings, tell: Tell = _tell_nobody) -> None:
        """Listen to what another gateway makes."""
        self._inner = inner
        self._tell = tell
        self._enough, self._pause_s = settings.eject_after, settings.eject_s
        self._failures: defaultdict[str, int] = defaultdict(int)  # in a row, by model
        self._open: Counter[str] = Counter()  # callers' passes under way, by model
        self._stopped: dict[str, str] = {}  # why, by model
        self._trials: dict[str, asyncio.Task[None]] = {}  # by models that we ask for a sound

    @property
    def catalog(self) -> Catalog:
        """See `Gateway`."""
        return self._add_stopped(self._inner.catalog)

    async def open(self) -> None:
        """See `Gateway`."""
        await self._inner.open()

    async def close(self) -> None:
        """See `Gateway`."""
        await end_tasks(*self._trials.values())
        await self._inner.close()

    async def refresh(self) -> Catalog:
        """See `Gateway`."""
        return self._add_stopped(await self._inner.refresh())

    async def cancel(self, model: str, pass_id: str) -> None:
        """See `Gateway`."""
        await self._inner.cancel(model, pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """See `Gateway`."""
        return await self._inner.progress(model, pass_id)

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        """See `Gateway`."""
        name = pass_.card.name
        self._open[name] += 1
        try:
            async with aclosing(self._inner.stream(pass_, options)) as chunks:
                async for chunk in chunks:
                    if chunk.pcm.any():
                        self._hear(name)
                    yield chunk
        except GenerationFailed:
            self._miss(pass_.card)
            raise
        finally:
            self._open[name] -= 1

    def doubt(self, model: str) -> None:
        """Ask a model for a sound, if it is served: another process says that it makes none."""
        card = next((each for each in self._inner.catalog.served if each.name == model), None)
        if card is not None:
            self._failures[model] = max(self._failures[model], self._enough - 1)
            self._miss(card)

    def _add_stopped(self, catalog: Catalog) -> Catalog:
        served = {card.name for card in catalog.served}
        stopped = {name: why for name, why in self._stopped.items() if name in served}
        return replace(catalog, stopped=stopped) if stopped else catalog

    def _hear(self, model: str) -> None:
        self._failures.pop(model, None)
        if self._stopped.pop(model, None):
            log.info("sounds_again", model=model)

    def _miss(self, card: Card) -> None:
        if isinstance(card, SpeechCard) and card.engine == upstream.ENGINE:
            return  # another server speaks: no fault of our Triton
        self._failures[card.name] += 1
        if self._failures[card.name] >= self._enough and card.name not in self._trials:
            self._trials[card.name] = asyncio.create_task(self._try_until_heard(card))

    async def _try_until_heard(self, card: Card) -> None:
        while self._failures[card.name] and card in self._inner.catalog.served:
            await self._try(card)
            if self._failures[card.name]:
                await asyncio.sleep(self._pause_s)
        del self._trials[card.name]
        self._failures.pop(card.name, None)  # where it was unloaded, the next one begins anew
        self._stopped.pop(card.name, None)

    async def _try(self, card: Card) -> None:
        """Ask for a short sound, and note what comes of it."""
        options = PassOptions(
            pass_id=uuid.uuid4().hex,
            request_id="sound-watch",
            timeout_s=_TRIAL_S,
            priority=BACKGROUND,
        )
        try:
            made = await collect(self._inner.stream(_make_trial(card), options))
        except (GenerationFailed, DeadlineExceeded) as error:
            # Ours comes last: behind the long sounds of others it may just be late.
            if not (isinstance(error, DeadlineExceeded) and self._open[card.name]):
                await self._note_stop(card.name, type(error).__name__)
        except TritoneError as error:  # full, or away: that says nothing of sounds
            log.debug("not_heard", model=card.name, error=type(error).__name__)
        else:
            if made.pcm.any():
                self._hear(card.name)
            else:
                await self._note_stop(card.name, "silence")

    async def _note_stop(self, model: str, cause: str) -> None:
        if not self._failures[model]:  # a caller heard one meanwhile
            return
        level = logging.DEBUG if model in self._stopped else logging.ERROR
        log.log(level, "sounds_stopped", model=model, cause=cause)
        n = self._failures[model]
        self._stopped[model] = f"{n} passes in a row failed, and a short sound: {cause}"
        await self._tell(model)


def _make_trial(card: Card) -> Pass:
    """Return the shortest pass that a model can be given."""
    if isinstance(card, SpeechCard):
        return SpeechPass(
            card=card,
            text=card.trial_text,
            voice=card.default_voice,
            speed=min(max(1.0, card.min_speed), card.max_speed),
            seed=1,
            options=SpeechOptions(),
            wants_timings=False,
        )
    return SoundPass(
        card=card,
        prompt="a church bell",
        seconds_start=0.0,
        seconds_end=min(_SECONDS, card.window_seconds),
        seed=1,
        steps=2,
        guidance_scale=1.0,
    )
