"""Every figure of the starter in one place: audio format, latents, network sizes, schedule, corpus.

A larger starter (another sample rate, more channels, wider networks) is another ``Recipe``; nothing
else has to change.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AudioFormat:
    """What the corpus is synthesised in and the checkpoint sounds like."""

    sample_rate_hz: int = 16_000
    channels: int = 1


@dataclass(frozen=True)
class LatentFormat:
    """Latent frames: principal components of stacked log-mel frames, then plain N(0, 1) noise.

    Of the 256 log-mel values of a latent frame 64 components hold 98 % of the variance (half of it
    is loudness); what they leave out is the chance of each moment, which the vocoder makes up from
    the noise channels: rain needs randomness that a mel spectrum does not carry.
    """

    mel_bands: int = 64
    frames_per_latent: int = 4
    mel_channels: int = 64  # components of a latent frame's log-mel values
    whitening: float = 0.5  # 0: components keep their variance, 1: all have the same
    noise_channels: int = 64
    hop_samples: int = 1280  # 12.5 latent frames a second at 16 kHz
    window_samples: int = 1024
    lowest_hz: float = 30.0
    floor_amplitude: float = 1e-4  # added to band amplitudes before the logarithm
    bucket_frames: int = 5
    window_frames: int = 190  # 15.2 s, the longest sound

    @property
    def packed_values(self) -> int:
        """Log-mel values of one latent frame."""
        return self.mel_bands * self.frames_per_latent

    @property
    def channels(self) -> int:
        """All channels of one latent frame."""
        return self.mel_channels + self.noise_channels


@dataclass(frozen=True)
class VocoderSizes:
    """The Oobleck decoder: to the mel frame rate, there a net of residual units, then to samples.

    Factors are even: diffusers' Oobleck loses samples at odd strides. The first multiple times the
    channels holds two stages of the mel bands, noise, and 240 oscillators (``bank_start``).
    """

    downsampling_ratios: tuple[int, ...] = (320, 4)  # used in reverse order for upsampling
    channel_multiples: tuple[int, ...] = (200, 192)
    decoder_channels: int = 2


@dataclass(frozen=True)
class TextSizes:
    """The tokenizer and the T5 encoder, both trained from scratch on the captions."""

    vocabulary: int = 1536
    tokens: int = 32
    width: int = 128
    layers: int = 2
    heads: int = 4
    feed_forward: int = 384


@dataclass(frozen=True)
class TransformerSizes:
    """The diffusion transformer."""

    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    head_width: int = 64
    longest_seconds: int = 16  # upper end of the seconds conditioners


@dataclass(frozen=True)
class NoiseSchedule:
    """Noise levels of sampling (scheduler) and training, for unit-variance latents.

    A sound has thousands of latent values that belong together, so its kind can still be seen
    through noise many times as strong: what the text decides is decided up there. With 1 % of the
    training there (log-normal around 1, as for images) the text was never learned.
    """

    sigma_min: float = 0.03
    sigma_max: float = 100.0
    log_mean: float = 0.7  # training: log sigma is normal(log_mean, log_std) ...
    log_std: float = 1.4
    high_share: float = 0.3  # ... or, for this share, uniform between high_from and sigma_max
    high_from: float = 3.0
    drop_condition: float = 0.1  # share of rows trained without text, for guidance


@dataclass(frozen=True)
class CorpusSizes:
    """How much is synthesised."""

    clips_per_kind: int = 300
    mixtures: int = 1_200
    held_out_per_kind: int = 24
    shortest_seconds: float = 1.0
    longest_seconds: float = 15.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what the starter becomes."""

    audio: AudioFormat = field(default_factory=AudioFormat)
    latent: LatentFormat = field(default_factory=LatentFormat)
    vocoder: VocoderSizes = field(default_factory=VocoderSizes)
    text: TextSizes = field(default_factory=TextSizes)
    transformer: TransformerSizes = field(default_factory=TransformerSizes)
    noise: NoiseSchedule = field(default_factory=NoiseSchedule)
    corpus: CorpusSizes = field(default_factory=CorpusSizes)


RECIPE = Recipe()
AUDIO = RECIPE.audio
