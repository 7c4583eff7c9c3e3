"""The seam to Triton: what the planners of sounds and speech ask for and get.

A pass is one run of one model; every choice is made in it. Tests replace what is behind the seam.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from tritone.card import Card, ModelCard, SpeechCard
from tritone.controls import Controls
from tritone.pcm import Pcm
from tritone.spans import Span, find_span
from tritone.speech_options import SpeechOptions
from tritone.turns import INTERACTIVE
from tritone.words import TextUse


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPass:
    """One sound, or one segment of a long one, within the limits of its model."""

    card: ModelCard
    prompt: str
    seconds_start: float  # exactly representable as float32, so that both sides compute one span
    seconds_end: float  # the same
    seed: int
    steps: int
    guidance_scale: float
    controls: Controls = field(default_factory=dict)  # only such as the model takes

    @property
    def span(self) -> Span:
        """What is denoised, decoded and delivered."""
        return find_span(self.card, self.seconds_start, self.seconds_end)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPass:
    """One text, spoken by one voice."""

    card: SpeechCard
    text: str
    voice: str  # id
    speed: float  # 1: the voice's own pace
    seed: int
    options: SpeechOptions
    wants_timings: bool  # chunks say when each word is heard


Pass = SoundPass | SpeechPass


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions:
    """How one pass is named and bounded."""

    pass_id: str  # unique; names the pass in control requests
    request_id: str  # the caller's; appears in Triton's logs and traces
    timeout_s: float
    owner: str = ""  # opaque; passes of one owner take turns with those of others
    priority: int = INTERACTIVE  # as in `tritone.turns`


@dataclass(frozen=True, slots=True)
class FailedPass:
    """A candidate that failed."""

    model_version: str
    error: str  # class of the domain error


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass is: in steps of a denoiser, or in passages of a speaker."""

    steps_done: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of what a pass makes; the parts are joined end to end."""

    pcm: Pcm  # int16 [audio_channels, samples]
    model_version: str
    failures: tuple[FailedPass, ...] = ()  # candidates that failed before this pass
    progress: Progress | None = None  # speech: passages done, of all
    timings: str | None = None  # speech: JSON as in docs/speech.md
    text_uses: tuple[TextUse, ...] = ()  # sounds: of the prompt and of the negative prompt


Chunks: TypeAlias = AsyncGenerator[Chunk, None]
"""A stream of at least one chunk. Closing it stops the work in Triton: use `aclosing`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """Everything that one pass made."""

    pcm: Pcm  # int16 [audio_channels, samples]
    model_version: str
    failures: tuple[FailedPass, ...] = ()  # as in `Chunk`
    text_uses: tuple[TextUse, ...] = ()  # as in `Chunk`; none where the model does not say


async def collect(stream: Chunks) -> PassResult:
    """Return the chunks of a stream as one."""
    async with aclosing(stream) as chunks:
        parts = [chunk async for chunk in chunks]
    pcm = parts[0].pcm if len(parts) == 1 else np.concatenate([part.pcm for part in parts], axis=1)
    return PassResult(
        pcm=pcm,
        model_version=parts[0].model_version,
        failures=parts[0].failures,
        text_uses=parts[0].text_uses,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The models that Triton has, as last seen."""

    cards: tuple[ModelCard, ...] = ()  # models of sounds that are ready, by name
    speech_cards: tuple[SpeechCard, ...] = ()  # models that speak and are ready, by name
    away: frozenset[str] = frozenset()  # loading, stopped or failed to load
    missed: tuple[Card, ...] = ()  # last known cards of models that are away
    reasons: Mapping[str, str] = field(default_factory=dict)  # why some are not served
    versions: Mapping[str, int] = field(default_factory=dict)  # that the models serve
    candidates: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Versions that get a share of a model's requests; models without any are left out."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Tritons of a pool that get no passes, by address, and why."""
    stopped: Mapping[str, str] = field(default_factory=dict)
    """Served models that make no sound any more, and why."""

    @property
    def served(self) -> tuple[Card, ...]:
        """The models of all tasks that are ready."""
        return (*self.cards, *self.speech_cards)


AWAY_PAUSE_S = 0.25


def choose_pause_s(refresh_s: float, *, is_up: bool) -> float:
    """Return the time until the next look at a Triton: soon, where it is away.

    Somebody waits then: at the start, and after it died.
    """
    return refresh_s if is_up else min(refresh_s, AWAY_PAUSE_S)


class Gateway(Protocol):
    """Our side of Triton. Every method raises domain errors only."""

    @property
    def catalog(self) -> Catalog:
        """The models as last seen; empty until Triton was reached."""

    async def open(self) -> None:
        """Connect, and keep the catalog fresh from now on. Returns also when Triton is away."""

    async def close(self) -> None:
        """Finish what is pending and disconnect."""

    async def refresh(self) -> Catalog:
        """Return what Triton serves now.

        Raises:
            BackendUnavailable: Triton cannot be reached.
        """

    def stream(self, pass_: Pass, options: PassOptions) -> Chunks:
        """Yield what a pass makes as it is made: a sound is one chunk, speech one or two a passage.

        Closing the stream, and cancelling the task that reads it, stop the work in Triton; both
        return when the work has really ended, or after a time-out. Another Triton, or another
        version, is tried before the first chunk only: what was heard cannot be taken back.

        Raises:
            Overloaded: Triton's own queue is full.
            BackendUnavailable: Triton is away, stopping, or has lost the model.
            DeadlineExceeded: not finished within `options.timeout_s`.
            InvalidRequest: the model cannot make anything of it; its answer says why.
            GenerationFailed: anything else; the details are in the log.
        """

    async def cancel(self, model: str, pass_id: str) -> None:
        """Stop a pass at its next step; unknown passes are ignored.

        Raises:
            BackendUnavailable: Triton cannot be reached.
        """

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """Return how far a pass is, or None when the model does not have it (any more).

        Raises:
            BackendUnavailable: Triton cannot be reached.
        """
