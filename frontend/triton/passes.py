"""What a model is given to do: a pass is one run of one model. Every choice is made in it."""

from dataclasses import dataclass, field

from tritone.card import ModelCard, SpeechCard
from tritone.controls import Controls
from tritone.spans import Span, span
from tritone.speech_options import SpeechOptions


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
        return span(self.card, self.seconds_start, self.seconds_end)


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
