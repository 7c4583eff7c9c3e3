"""Clips: one kind or a mixture of two, with drawn traits, room and level, and captions.

Everything follows from a seed.
"""

from dataclasses import dataclass

import numpy as np

from starter.corpus.captions import describe, describe_pair
from starter.corpus.dsp import RATE_HZ, Draw, Traits, Wave, between, in_room, in_stereo
from starter.corpus.kinds import KINDS
from starter.recipe import CorpusSizes

FADE_IN_S, FADE_OUT_S = 0.004, 0.05
CAPTIONS = 8  # wordings drawn for each clip


@dataclass(frozen=True)
class Clip:
    """One sound and what it is called."""

    kinds: tuple[str, ...]
    captions: tuple[str, ...]
    seconds: float
    mono: Wave  # [samples], within -1..1: what a mono model learns from
    stereo: Wave  # [2, samples], the same sound in its place, within -1..1


@dataclass(frozen=True)
class Wanted:
    """Which clip to make: one kind or two, and its seed."""

    kinds: tuple[str, ...]
    seed: int


def make_clip(wanted: Wanted, sizes: CorpusSizes) -> Clip:
    """Synthesise a clip; the same ``wanted`` gives the same samples."""
    draw = np.random.default_rng((wanted.seed, *(ord(c) for c in "+".join(wanted.kinds))))
    length_s = draw_seconds(draw, sizes)
    samples = round(length_s * RATE_HZ)
    if len(wanted.kinds) == 1:
        traits = draw_traits(draw)
        wave = _level(_sound(draw, wanted.kinds[0], samples, traits), draw, traits)
        captions = tuple(describe(draw, wanted.kinds[0], traits) for _ in range(CAPTIONS))
    else:
        wave = _mixture(draw, wanted.kinds, samples)
        captions = tuple(describe_pair(draw, *wanted.kinds) for _ in range(CAPTIONS))
    mono = _fade(wave)
    return Clip(wanted.kinds, captions, samples / RATE_HZ, mono, _place(mono, wanted))


def _place(wave: Wave, wanted: Wanted) -> Wave:
    """Both channels, as loud as fits; drawn apart, so that mono does not depend on it."""
    draw = np.random.default_rng((wanted.seed, len(wanted.kinds)))
    stereo = in_stereo(wave, draw, max(KINDS[name].width for name in wanted.kinds))
    return np.asarray(stereo * min(1.0, 1.0 / (np.abs(stereo).max() + 1e-9)))


def draw_seconds(draw: Draw, sizes: CorpusSizes) -> float:
    """A duration: mostly 2-6 s, some down to the shortest, some up to the longest.

    Whole tenths of a second.
    """
    share = draw.random()
    if share < 0.72:
        return round(between(draw, 2.0, 6.0), 1)
    if share < 0.86:
        return round(between(draw, sizes.shortest_seconds, 2.0), 1)
    return float(round(6 + (sizes.longest_seconds - 6) * draw.random() ** 1.5, 1))


def draw_traits(draw: Draw) -> Traits:
    """Traits of a clip; half of the clips are near and dry."""
    pace, pitch = between(draw, -1, 1), between(draw, -1, 1)
    if draw.random() < 0.5:
        return Traits(pace, pitch, 0.0, 0.0)
    return Traits(pace, pitch, between(draw, 0, 0.8), between(draw, 0, 1))


def _sound(draw: Draw, name: str, samples: int, traits: Traits) -> Wave:
    """One kind in its room, peak 1."""
    wave = in_room(KINDS[name].synthesise(draw, samples, traits), draw, traits)
    wave = wave - wave.mean()
    return np.asarray(wave / (np.abs(wave).max() + 1e-9))


def _level(wave: Wave, draw: Draw, traits: Traits) -> Wave:
    """Peak between -6 and -1 dBFS; far sounds are quieter. Steady noise is held at -15 dBFS RMS."""
    wave = wave * between(draw, 0.5, 0.9) * (1 - 0.5 * traits.distance)
    rms = float(np.sqrt(np.mean(wave**2)))
    return wave * min(1.0, 0.18 / (rms + 1e-9))


def _mixture(draw: Draw, kinds: tuple[str, ...], samples: int) -> Wave:
    """Two kinds at comparable loudness."""
    out = np.zeros(samples)
    for name in kinds:
        wave = _sound(
            draw, name, samples, Traits(between(draw, -1, 1), between(draw, -1, 1), 0.0, 0.0)
        )
        out += (
            wave
            * min(1.0, 0.12 / float(np.sqrt(np.mean(wave**2)) + 1e-9))
            * between(draw, 0.7, 1.0)
        )
    return np.asarray(out * min(1.0, 0.9 / (np.abs(out).max() + 1e-9)))


def _fade(wave: Wave) -> Wave:
    """Short fades, so that nothing starts or ends with a click."""
    fade_in, fade_out = int(FADE_IN_S * RATE_HZ), int(FADE_OUT_S * RATE_HZ)
    wave = wave.copy()
    wave[:fade_in] *= np.linspace(0, 1, fade_in)
    wave[-fade_out:] *= np.linspace(1, 0, fade_out)
    return wave
