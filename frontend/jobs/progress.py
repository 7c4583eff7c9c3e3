"""How far a running job is: watches its passes at the seam to Triton."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

from frontend.errors import TritoneError
from frontend.observe.metrics import Metrics
from frontend.passes.caller import Caller
from frontend.passes.runner import PassRunner
from frontend.settings import Settings
from frontend.sounds.generator import Generator
from frontend.sounds.request import GenerationRequest, Sound
from frontend.speech.request import SpeechRequest
from frontend.speech.speaker import Speaker, Speech
from frontend.triton.gateway import Catalog, Chunks, Gateway, Pass, PassOptions, Progress, SoundPass

_ASKING_TIMEOUT_S = 1.0


@dataclass(slots=True, eq=False)
class _PassUnderWay:
    pass_: Pass
    options: PassOptions
    told: Progress | None = None  # by its last chunk


class WatchedGateway:
    """A `Gateway` that remembers which passes are under way for which request."""

    def __init__(self, gateway: Gateway) -> None:
        """Pass everything on to `gateway`."""
        self._gateway = gateway
        self._under_way: dict[str, list[_PassUnderWay]] = defaultdict(list)

    @property
    def catalog(self) -> Catalog:
        """See `Gateway`."""
        return self._gateway.catalog

    async def open(self) -> None:
        """See `Gateway`."""
        await self._gateway.open()

    async def close(self) -> None:
        """See `Gateway`."""
        await self._gateway.close()

    async def refresh(self) -> Catalog:
        """See `Gateway`."""
        return await self._gateway.refresh()

    async def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        """See `Gateway`."""
        with self._note(pass_, options) as noted:
            async with aclosing(self._gateway.stream(pass_, options)) as chunks:
                async for chunk in chunks:
                    noted.told = chunk.progress
                    yield chunk

    async def cancel(self, model: str, pass_id: str) -> None:
        """See `Gateway`."""
        await self._gateway.cancel(model, pass_id)

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """See `Gateway`."""
        return await self._gateway.progress(model, pass_id)

    async def progress_of(self, request_id: str) -> Progress | None:
        """Return how far the passes of a request are, together; None: nobody knows."""
        passes = list(self._under_way.get(request_id, []))  # they end while we ask
        answers = await asyncio.gather(*[self._ask(one) for one in passes])
        known = [answer for answer in answers if answer is not None]
        if not known:
            return None
        return Progress(
            steps_done=sum(each.steps_done for each in known),
            steps=sum(
                one.pass_.steps
                if isinstance(one.pass_, SoundPass)
                else answer.steps
                if answer
                else 0
                for one, answer in zip(passes, answers, strict=True)
            ),
        )

    async def _ask(self, one: _PassUnderWay) -> Progress | None:
        if one.told is not None:
            return one.told
        try:
            async with asyncio.timeout(_ASKING_TIMEOUT_S):
                return await self._gateway.progress(one.pass_.card.name, one.options.pass_id)
        except (TritoneError, TimeoutError):
            return None  # it is only progress

    @contextmanager
    def _note(self, pass_: Pass, options: PassOptions) -> Iterator[_PassUnderWay]:
        passes, noted = self._under_way[options.request_id], _PassUnderWay(pass_, options)
        passes.append(noted)
        try:
            yield noted
        finally:
            passes.remove(noted)
            if not passes:
                self._under_way.pop(options.request_id, None)


@asynccontextmanager
async def open_maker(
    settings: Settings, gateway: Gateway, metrics: Metrics
) -> AsyncIterator["WatchedMaker"]:
    """Open the gateway for a worker's maker."""
    await gateway.open()
    try:
        yield WatchedMaker(gateway, settings, metrics)
    finally:
        await gateway.close()


class WatchedMaker:
    """The `Maker` of real workers: the generator and the speaker of the frontend, watched."""

    def __init__(self, gateway: Gateway, settings: Settings, metrics: Metrics) -> None:
        """Open the gateway before use."""
        self._gateway = WatchedGateway(gateway)
        runner = PassRunner(self._gateway, settings.admission, metrics)
        self._generator = Generator(runner, settings)
        self._speaker = Speaker(runner, settings)

    async def generate(self, request: GenerationRequest, caller: Caller) -> Sound:
        """See `Generator`."""
        return await self._generator.generate(request, caller)

    async def speak(self, request: SpeechRequest, caller: Caller) -> Speech:
        """See `Speaker`."""
        return await self._speaker.speak(request, caller)

    async def progress(self, request_id: str) -> Progress | None:
        """Return how far a request is, or None."""
        return await self._gateway.progress_of(request_id)
