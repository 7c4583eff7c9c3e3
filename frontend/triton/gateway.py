"""The seam to Triton: what `generation` asks for and gets. Tests replace what is behind it."""

from dataclasses import dataclass
from typing import Protocol

from tritone.card import ModelCard
from tritone.pcm import Pcm
from tritone.spans import Span, span
from tritone.turns import INTERACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass through a model; every choice is made and within the model's limits."""

    card: ModelCard
    prompt: str
    negative_prompt: str  # empty: none
    seconds_start: float  # exactly representable as float32, so that both sides compute one span
    seconds_end: float  # the same
    seed: int
    steps: int
    guidance_scale: float

    @property
    def span(self) -> Span:
        """What is denoised, decoded and delivered."""
        return span(self.card, self.seconds_start, self.seconds_end)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions:
    """How one pass is named and bounded."""

    pass_id: str  # unique; names the pass in control requests
    request_id: str  # the caller's; appears in Triton's logs and traces
    timeout_s: float
    share: str = ""  # opaque; passes of one share take turns with those of others
    priority: int = INTERACTIVE  # as in `tritone.turns`


@dataclass(frozen=True, slots=True)
class FailedPass:
    """A version that was tried out, and did not do it."""

    model_version: str
    error: str  # class of the domain error


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What one pass gave."""

    pcm: Pcm  # int16 [audio_channels, span.n_samples]
    model_version: str
    failures: tuple[FailedPass, ...] = ()  # before it


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the denoiser is."""

    steps_done: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The models that Triton has, as last seen."""

    cards: tuple[ModelCard, ...] = ()  # ready to serve, by name
    away: frozenset[str] = frozenset()  # loading, stopped or failed to load
    missed: tuple[ModelCard, ...] = ()  # of those away: what they were when last ready


AWAY_PAUSE_S = 0.25


def pause_s(refresh_s: float, *, is_up: bool) -> float:
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

    async def generate(self, pass_: Pass, options: PassOptions) -> PassResult:
        """Return the sound of one pass; cancelling the task stops the work in Triton.

        A cancelled task ends when the work has really ended, or after a time-out.

        Raises:
            Overloaded: Triton's own queue is full.
            BackendUnavailable: Triton is away, stopping, or has lost the model.
            DeadlineExceeded: not finished within `options.timeout_s`.
            GenerationFailed: anything else; the details are in the log.
        """

    async def cancel(self, model: str, pass_id: str) -> None:
        """Stop a pass at its next step; unknown jobs are ignored.

        Raises:
            BackendUnavailable: Triton cannot be reached.
        """

    async def progress(self, model: str, pass_id: str) -> Progress | None:
        """Return how far a pass is, or None when the denoiser does not have it (any more).

        Raises:
            BackendUnavailable: Triton cannot be reached.
        """
