"""What a contract asks for and what it gets, in the words that all contracts share."""

from dataclasses import dataclass, field

from tritone.card import ModelCard
from tritone.controls import Controls
from tritone.pcm import Pcm


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One sound, in our words. None means: the model's default."""

    prompt: str
    model: str | None = None  # a served name or an alias
    negative_prompt: str | None = None
    seconds: float | None = None  # length delivered
    seconds_start: float = 0.0  # the delivered clip is [seconds_start, seconds_start + seconds)
    steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None  # None: drawn at random and reported
    loop: bool = False  # deliver a clip that repeats without a seam
    controls: Controls = field(default_factory=dict)  # lyrics, tempo, key, …
    may_extend: bool = True  # a length past the window is made of several sounds, if `extendable`
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One finished sound and the choices that were made for it."""

    pcm: Pcm  # int16 [audio_channels, samples]
    card: ModelCard
    model_version: str
    seed: int
    steps: int
    guidance_scale: float
    notes: tuple[str, ...] = field(default=())  # what was done otherwise than asked, for a header

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.card.sample_rate

    @property
    def seconds(self) -> float:
        """Length delivered."""
        return self.pcm.shape[-1] / self.card.sample_rate
