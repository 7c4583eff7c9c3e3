"""From seconds to latent frames and samples: how much to denoise, to decode and to deliver."""

import math
from dataclasses import dataclass

from tritone.card import ModelCard

_SLACK = 1e-6  # frames; 0.1 s * 10 Hz must not become 2 frames because of float32 seconds
_MOST_HEARD_FRAMES = 24
"""Where a family's decoder gets all frames. A SAME decoder hears one on each side for each of its
layers; the largest that is published has 12."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one request costs and delivers; ranges are half-open, from the window's start."""

    latent_frames: int  # denoised, from the window's start
    first_frame: int  # decoded: [first_frame, last_frame)
    last_frame: int
    missing_frames: int  # heard behind the last frame, if only they were denoised
    decoded_frames: int  # given to the decoder; those behind the last frame are zeros
    first_sample: int  # delivered, counted from the first decoded sample
    n_samples: int


def find_span(card: ModelCard, seconds_start: float, seconds_end: float) -> Span:
    """Return what must be denoised, decoded and delivered for [seconds_start, seconds_end).

    The decoder gets its receptive field on each side: the samples are those of a full decode.

    Raises:
        ValueError: the span is empty or leaves the model's window.
    """
    window = card.window_seconds
    if not 0 <= seconds_start < seconds_end <= window + _SLACK:
        raise ValueError(f"the span must lie within the model's window of {window:g} s")
    frame_rate = card.sample_rate / card.samples_per_frame
    asked = math.ceil(seconds_end * frame_rate - _SLACK)
    latent_frames = min(-(-asked // card.frame_bucket) * card.frame_bucket, card.max_frames)
    begin = round(seconds_start * card.sample_rate)
    end = min(round(seconds_end * card.sample_rate), card.max_frames * card.samples_per_frame)
    overlap = card.spec.decoder_overlap_frames
    heard = -(-end // card.samples_per_frame)
    if overlap is None:
        first, last = 0, latent_frames
        heard += _MOST_HEARD_FRAMES
    else:
        heard += overlap
        first = max(0, begin // card.samples_per_frame - overlap)
        last = min(latent_frames, heard)
    return Span(
        latent_frames=latent_frames,
        first_frame=first,
        last_frame=last,
        missing_frames=max(0, heard - last),
        decoded_frames=last - first,
        first_sample=begin - first * card.samples_per_frame,
        n_samples=max(1, end - begin),
    )
