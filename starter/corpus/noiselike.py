"""Weather, water, fire, crowds: sounds made of shaped noise and many small grains."""

import numpy as np

from starter.corpus.dsp import (
    RATE_HZ,
    Draw,
    Traits,
    Wave,
    band_pass,
    between,
    decay,
    high_pass,
    low_pass,
    noise,
    place,
    samples_of,
    scale,
    scatter,
    seconds,
    sine,
    wander,
)


def _drops(draw: Draw, samples: int, per_s: float, pitch_hz: tuple[float, float]) -> Wave:
    """Short damped pings at random times: drops on something that rings."""
    out = np.zeros(samples)
    length = samples_of(0.03)
    for at in scatter(draw, samples, per_s):
        ring = sine(between(draw, *pitch_hz), length) + 0.6 * noise(draw, length)
        place(
            out,
            ring * decay(length, 0.0005, between(draw, 0.002, 0.008)) * between(draw, 0.1, 1) ** 2,
            at,
        )
    return out


def rain(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A bed of hiss and drops that ring on a roof."""
    bed = high_pass(noise(draw, samples), between(draw, 800, 2000)) * scale(traits.pace, 0.05, 0.2)
    low_hz = scale(traits.pitch, 1200, 3000)
    drops = _drops(draw, samples, scale(traits.pace, 25, 130), (low_hz, low_hz * 2))
    return np.asarray(bed * (1 + 0.15 * wander(draw, samples, 2)) + drops * between(draw, 0.4, 0.9))


def wind(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Gusts: a resonance that rises and falls with the strength of the wind."""
    gust = 0.5 + 0.5 * wander(draw, samples, scale(traits.pace, 0.4, 1.6))
    body = low_pass(low_pass(noise(draw, samples), scale(traits.pitch, 250, 600)), 900)
    howl_hz = scale(traits.pitch, 350, 800)
    howl = band_pass(noise(draw, samples), howl_hz * 0.9, howl_hz * 1.15)
    return np.asarray(body * (0.25 + gust) + howl * gust**2 * between(draw, 0.4, 1.6))


def thunder(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A crack, then rolling low rumbles."""
    out = np.zeros(samples)
    strike = samples_of(between(draw, 0.0, min(0.6, samples / RATE_HZ / 5)))
    crack = band_pass(noise(draw, samples_of(0.5)), 250, 3500) * decay(samples_of(0.5), 0.002, 0.09)
    place(out, crack * (1 - 0.8 * traits.distance), strike)
    for _ in range(int(draw.integers(3, 7))):
        length = samples_of(between(draw, 1.2, 3.5))
        roll = low_pass(noise(draw, length), scale(traits.pitch, 70, 200)) * 5
        offset = samples_of(between(draw, 0.0, 0.5 * samples / RATE_HZ))
        place(
            out,
            roll * decay(length, 0.15, between(draw, 0.4, 1.0)) * between(draw, 0.4, 1),
            strike + offset // 2,
        )
    return out


def waves(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Surf: noise that swells, breaks bright and recedes dull."""
    t = seconds(samples)
    turn = 2 * np.pi * scale(traits.pace, 0.15, 0.4) * t + between(draw, -1.6, 1.0)
    swell = np.clip(np.sin(turn + 0.3 * wander(draw, samples, 0.5)), 0, 1) ** 1.5
    wash = low_pass(noise(draw, samples), 500) * (0.3 + 1.2 * swell)
    foam = band_pass(noise(draw, samples), 700, 5000) * np.roll(swell, samples_of(0.15)) ** 2
    return np.asarray(wash + foam * between(draw, 0.5, 1.0) + 0.02 * noise(draw, samples))


def static(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Steady white or slightly tilted noise."""
    white = noise(draw, samples)
    if traits.pitch < -0.5:
        return low_pass(white, 4500) + 0.3 * white
    return high_pass(white, 500) + 0.5 * white if traits.pitch > 0.5 else white


def fire(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A low flutter with irregular bright crackles."""
    bed = low_pass(noise(draw, samples), 350) * (0.5 + 0.3 * wander(draw, samples, 6)) * 0.5
    out = bed + 0.02 * high_pass(noise(draw, samples), 2000)
    length = samples_of(0.02)
    for at in scatter(draw, samples, scale(traits.pace, 6, 24)):
        snap = high_pass(noise(draw, length), between(draw, 800, 3500)) * decay(
            length, 0.0003, between(draw, 0.001, 0.005)
        )
        place(out, snap * between(draw, 0.3, 1.6) ** 2, at)
    return out


def applause(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Many hand claps at random, each with its own resonance."""
    length = samples_of(0.025)
    claps = []
    for _ in range(24):
        centre_hz = between(draw, 800, 2200)
        clap = band_pass(noise(draw, length), centre_hz * 0.7, centre_hz * 1.5) * decay(
            length, 0.001, 0.006
        )
        claps.append(clap)
    out = np.zeros(samples)
    for at in scatter(draw, samples, scale(traits.pace, 25, 140)):
        place(out, claps[int(draw.integers(24))] * between(draw, 0.3, 1), at)
    return np.asarray(out * (1 + 0.2 * wander(draw, samples, 1)) + 0.01 * noise(draw, samples))


def stream(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A brook: bubbles that rise in pitch over a soft wash."""
    out = band_pass(noise(draw, samples), 400, 2500) * 0.08
    for at in scatter(draw, samples, scale(traits.pace, 30, 80)):
        length = samples_of(between(draw, 0.015, 0.05))
        base_hz = scale(traits.pitch, 350, 800) * between(draw, 0.7, 1.8)
        bubble = sine(base_hz * (1 + 6 * seconds(length)), length) * np.hanning(length)
        place(out, bubble * between(draw, 0.1, 0.7), at)
    return out
