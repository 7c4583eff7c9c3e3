"""Things that hit, click, drip and beat."""

import numpy as np

from starter.corpus.dsp import (
    Draw,
    Traits,
    Wave,
    band_pass,
    beats,
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
)


def _thump(length_s: float, start_hz: float, end_hz: float, decay_s: float) -> Wave:
    """A sine that falls in pitch: drum heads, hearts, heels."""
    length = samples_of(length_s)
    sweep_hz = end_hz + (start_hz - end_hz) * np.exp(-seconds(length) / 0.03)
    return sine(sweep_hz, length) * decay(length, 0.002, decay_s)


def kick(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A bass drum on every beat."""
    out = np.zeros(samples)
    end_hz = scale(traits.pitch, 42, 62)
    drum = _thump(0.4, end_hz + between(draw, 110, 220), end_hz, between(draw, 0.08, 0.16))
    click = high_pass(noise(draw, samples_of(0.01)), 1500) * decay(samples_of(0.01), 0.0003, 0.002)
    for at in beats(draw, samples, 60 / scale(traits.pace, 85, 170)):
        place(out, drum, at)
        place(out, click * 0.25, at)
    return out


def hihat(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Closed and open hi-hats in eighths."""
    out = np.zeros(samples)
    open_every = int(draw.integers(3, 9))
    cutoff_hz = scale(traits.pitch, 5000, 6800)
    for count, at in enumerate(beats(draw, samples, 30 / scale(traits.pace, 80, 170))):
        is_open = count % open_every == open_every - 1
        length = samples_of(0.3 if is_open else 0.08)
        hat = high_pass(high_pass(noise(draw, length), cutoff_hz), cutoff_hz)
        place(
            out, hat * decay(length, 0.001, 0.08 if is_open else 0.018) * between(draw, 0.6, 1), at
        )
    return out


def clock(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Tick and tock, evenly."""
    out = np.zeros(samples)
    length = samples_of(0.03)
    low_hz = scale(traits.pitch, 1500, 2600)
    for count, at in enumerate(beats(draw, samples, 1 / scale(traits.pace, 1.4, 3.2))):
        centre_hz = low_hz * (1.35 if count % 2 else 1.0)
        tick = sine(centre_hz, length) + 0.5 * band_pass(
            noise(draw, length), centre_hz, centre_hz * 2.2
        )
        place(out, tick * decay(length, 0.0003, 0.004), at)
    return out


def drip(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Single drops into water: a bubble that rises in pitch."""
    out = np.zeros(samples)
    for at in beats(draw, samples, 1 / scale(traits.pace, 0.9, 3.0), jitter=0.35):
        length = samples_of(0.14)
        base_hz = scale(traits.pitch, 600, 1300) * between(draw, 0.85, 1.2)
        plop = sine(base_hz * (1 + between(draw, 3, 7) * seconds(length)), length)
        place(
            out,
            plop * decay(length, 0.002, between(draw, 0.015, 0.035)) * between(draw, 0.6, 1),
            at,
        )
    return out


def footsteps(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Heel and sole on a floor or on gravel."""
    out = np.zeros(samples)
    gravel = between(draw, 0.15, 1.0)
    for at in beats(draw, samples, 1 / scale(traits.pace, 1.3, 3.0), jitter=0.06):
        heel = _thump(0.12, 190, scale(traits.pitch, 80, 130), 0.025)
        place(out, heel * between(draw, 0.7, 1), at)
        length = samples_of(0.16)
        scuff = band_pass(noise(draw, length), 500, 4000) * np.hanning(length) ** 2
        place(out, scuff * gravel * between(draw, 0.3, 0.6), at + samples_of(0.03))
    return out


def heartbeat(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Lub-dub, lub-dub."""
    out = np.zeros(samples)
    period_s = 60 / scale(traits.pace, 50, 120)
    low_hz = scale(traits.pitch, 38, 55)
    for at in beats(draw, samples, period_s, jitter=0.02):
        place(out, _thump(0.2, low_hz + 35, low_hz, 0.045), at)
        place(
            out,
            _thump(0.2, low_hz + 50, low_hz * 1.2, 0.035) * 0.7,
            at + samples_of(0.27 * period_s**0.5),
        )
    return low_pass(out, 300)


def knock(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Groups of knocks on a wooden door."""
    out = np.zeros(samples)
    length = samples_of(0.15)
    modes_hz = scale(traits.pitch, 180, 340) * np.array([1.0, 1.7, 2.6, 3.9])
    wood = sum(
        (
            sine(float(f), length) * decay(length, 0.0008, 0.03 / (1 + i))
            for i, f in enumerate(modes_hz)
        ),
        np.zeros(length),
    )
    gap_s = 1 / scale(traits.pace, 4.0, 7.5)
    for group in beats(draw, samples, gap_s * between(draw, 6, 9)):
        for count in range(int(draw.integers(2, 5))):
            clack = high_pass(noise(draw, length), 800) * decay(length, 0.0005, 0.004)
            place(
                out, (wood + 0.4 * clack) * between(draw, 0.7, 1), group + samples_of(count * gap_s)
            )
    return out


def typing(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Keys of a keyboard, pressed and released in bursts."""
    out = np.zeros(samples)
    length = samples_of(0.02)
    for at in scatter(draw, samples, scale(traits.pace, 5, 13)):
        centre_hz = scale(traits.pitch, 1600, 3000) * between(draw, 0.8, 1.3)
        key = band_pass(noise(draw, length), centre_hz * 0.6, centre_hz * 1.8) * decay(
            length, 0.0005, 0.004
        )
        place(out, key * between(draw, 0.5, 1), at)
        place(out, key * 0.35, at + samples_of(between(draw, 0.05, 0.09)))
    return out
