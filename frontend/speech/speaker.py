"""From a request in our words to a stream of spoken chunks. Knows no HTTP and no gRPC."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from frontend.errors import BackendUnavailable
from frontend.passes.caller import Caller
from frontend.passes.model_names import ModelNames
from frontend.passes.runner import PassRun, PassRunner
from frontend.settings import Settings
from frontend.speech.aliases import MODEL_ALIASES
from frontend.speech.plan import SpeechPlan, make_plan
from frontend.speech.request import SpeechRequest
from frontend.speech.voices import InstalledVoice, is_known, list_voices
from frontend.triton.gateway import Chunk, Chunks
from tritone.card import SpeechCard, Voice


@dataclass(slots=True, kw_only=True)
class Speech(AsyncIterator[Chunk]):
    """A text that is being spoken: its chunks, and the choices that were made for it.

    Its first chunk is there already. Use `aclosing`: closing it stops the work.
    """

    card: SpeechCard
    voice: Voice
    model_version: str
    seed: int
    speed: float
    notes: tuple[str, ...]  # what was done otherwise than asked, for a header
    _first: Chunk | None = field(repr=False)
    _rest: Chunks = field(repr=False)

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.card.sample_rate

    async def __anext__(self) -> Chunk:
        """Return the next chunk; raises what `Speaker.speak` does."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._rest)

    async def aclose(self) -> None:
        """Stop speaking, if it is not over."""
        self._first = None
        await self._rest.aclose()


class Speaker:
    """Speaks texts: chooses the voice, plans, and streams the pass."""

    def __init__(self, runner: PassRunner, settings: Settings) -> None:
        """Share the runner with whoever else makes something of the same Triton."""
        self._runner = runner
        self._longest_s = settings.timeout_s
        # An alias without a target stands for the default model of sounds.
        aliases = {name: target for name, target in settings.aliases.items() if target}
        self._names = ModelNames(aliases=aliases, default=None)

    def models(self) -> tuple[SpeechCard, ...]:
        """Return the models that speak now, by name."""
        return self._runner.catalog.speech_cards

    def knows(self, name: str) -> bool:
        """Return whether a name is that of a model that speaks now, or stands for one."""
        names = {card.name for card in self.models()}
        return name in names or (bool(names) and name in MODEL_ALIASES)

    def voices(self) -> list[InstalledVoice]:
        """Return every voice that speaks now, by model."""
        return list_voices(self.models())

    def knows_voice(self, name: str) -> bool:
        """Return whether a name is that of a voice that speaks now, or one stands in for it."""
        return is_known(name, self.models())

    def plan(self, request: SpeechRequest, *, is_for_later: bool = False) -> SpeechPlan:
        """Return what a request comes to, without doing it.

        What is spoken later may be spoken by a model that is away now, but was here before.

        Raises:
            InvalidRequest: a field is malformed or outside the voice's limits.
            UnknownModel, UnknownVoice: no such model or voice.
            BackendUnavailable: no voice is served, or the model is away.
        """
        catalog = self._runner.catalog
        missed = [card for card in catalog.missed if isinstance(card, SpeechCard)]
        cards = (*missed, *catalog.speech_cards) if is_for_later else catalog.speech_cards
        if request.model is not None and request.model not in MODEL_ALIASES:
            cards = (self._names.resolve(request.model, cards, catalog.away, field="model"),)
        if not cards:
            raise BackendUnavailable("No voice is available right now; try again later.")
        return make_plan(request, cards)

    async def speak(self, request: SpeechRequest, caller: Caller) -> Speech:
        """Return the speech as soon as its first chunk is made.

        Cancelling this task, and closing the speech, stop the work. The errors below are raised
        here before the first chunk, and by the speech after it.

        Raises:
            InvalidRequest: a field is malformed or outside the limits.
            NothingToSpeak: the text holds no word that the voice can read.
            UnknownModel, UnknownVoice: no such model or voice.
            Overloaded: too many requests.
            BackendUnavailable: Triton or the model is away.
            DeadlineExceeded: not finished in time, waiting included.
            GenerationFailed: our side failed.
        """
        plan = self.plan(request)
        timeout_s = min(request.timeout_s or self._longest_s, self._longest_s)
        # A client may play the speech as it reads it, and so read no faster than it is spoken.
        listening_s = plan.longest_seconds if request.timeout_s is None else 0.0
        chunks = self._stream(plan, time.monotonic() + timeout_s + listening_s, caller)
        first = await anext(chunks)
        return Speech(
            card=plan.card,
            voice=plan.voice,
            model_version=first.model_version,
            seed=plan.pass_.seed,
            speed=plan.pass_.speed,
            notes=plan.notes,
            _first=first,
            _rest=chunks,
        )

    async def _stream(self, plan: SpeechPlan, deadline: float, caller: Caller) -> Chunks:
        model, start = plan.card.name, time.monotonic()
        metrics, version, n_samples = self._runner.metrics, "", 0
        run = PassRun(pass_=plan.pass_, cost=plan.cost, deadline=deadline, caller=caller)
        with self._runner.count_failures(model):
            async with aclosing(self._runner.stream_pass(run)) as chunks:
                async for chunk in chunks:
                    if not n_samples:
                        version = chunk.model_version
                        first_s = time.monotonic() - start
                        metrics.first_chunk_seconds.labels(model, version).observe(first_s)
                    n_samples += chunk.pcm.shape[1]
                    yield chunk
        metrics.generation_seconds.labels(model, version).observe(time.monotonic() - start)
        metrics.sound_seconds.labels(model, version).inc(n_samples / plan.card.sample_rate)
