"""Instruments and melodies."""

import numpy as np
from scipy.signal import lfilter

from starter.corpus.dsp import (
    RATE_HZ,
    Draw,
    Traits,
    Wave,
    beats,
    between,
    decay,
    harmonics,
    low_pass,
    noise,
    phase,
    place,
    samples_of,
    scale,
    seconds,
    sine,
    wander,
)

SCALES = (
    (0, 2, 4, 7, 9, 12, 14),
    (0, 3, 5, 7, 10, 12, 15),
    (0, 2, 3, 5, 7, 8, 12),
)  # semitones over the root


def _melody(draw: Draw, samples: int, traits: Traits) -> list[tuple[int, int]]:
    """Notes as (sample position, semitones over the root) that step through one scale."""
    notes_of_scale = SCALES[int(draw.integers(len(SCALES)))]
    degree = int(draw.integers(len(notes_of_scale)))
    notes = []
    for at in beats(draw, samples, 1 / scale(traits.pace, 1.6, 5.0)):
        degree = int(np.clip(degree + draw.integers(-2, 3), 0, len(notes_of_scale) - 1))
        notes.append((at, notes_of_scale[degree]))
    return notes


def bell(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A church bell: the inharmonic partials of a struck bell, hum to shimmer."""
    out = np.zeros(samples)
    strike_hz = scale(traits.pitch, 220, 620)
    partials = (
        (0.5, 0.35, 4.0),
        (1.0, 0.6, 2.6),
        (1.2, 0.4, 2.2),
        (1.5, 0.25, 1.6),
        (2.0, 0.6, 1.4),
        (2.66, 0.3, 0.8),
        (4.1, 0.2, 0.4),
    )
    for at in beats(draw, samples, 1 / scale(traits.pace, 0.35, 1.1), jitter=0.05):
        length = min(samples - at, samples_of(4.5))
        for ratio, amplitude, decay_s in partials:
            if strike_hz * ratio < RATE_HZ * 0.48:
                detuned_hz = strike_hz * ratio * between(draw, 0.997, 1.003)
                place(out, amplitude * sine(detuned_hz, length) * decay(length, 0.002, decay_s), at)
    return out


def guitar(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Plucked strings (Karplus and Strong, 1983): a burst of noise in a damped delay line."""
    out = np.zeros(samples)
    root_hz = scale(traits.pitch, 130, 300)
    length = samples_of(1.2)
    for at, semitones in _melody(draw, samples, traits):
        period = int(RATE_HZ / (root_hz * 2 ** (semitones / 12)))
        burst = np.zeros(length)
        burst[:period] = low_pass(noise(draw, period), 4500)
        loop = np.concatenate([[1.0], np.zeros(period - 1), [-0.4975, -0.4975]])
        place(out, np.asarray(lfilter([1.0], loop, burst)) * between(draw, 0.6, 1), at)
    return out


def piano(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Struck strings: stiff harmonics that fade at different speeds, and a soft hammer."""
    out = np.zeros(samples)
    root_hz = scale(traits.pitch, 200, 420)
    length = samples_of(1.6)
    t = seconds(length)
    for at, semitones in _melody(draw, samples, traits):
        note_hz = root_hz * 2 ** (semitones / 12)
        note = np.zeros(length)
        for n in range(1, 9):
            partial_hz = note_hz * n * np.sqrt(1 + 0.0004 * n * n)
            if partial_hz < RATE_HZ * 0.48:
                note += np.sin(2 * np.pi * partial_hz * t) / n**1.3 * np.exp(-t * (1.2 + 0.9 * n))
        hammer = low_pass(noise(draw, length), 1200) * decay(length, 0.001, 0.01)
        place(out, (note * decay(length, 0.003, 5.0) + 0.2 * hammer) * between(draw, 0.6, 1), at)
    return out


def pad(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A slow chord of detuned saws behind a filter that opens and closes."""
    root_hz = scale(traits.pitch, 80, 180)
    chord = (0, 4, 7, 12) if between(draw, 0, 1) < 0.5 else (0, 3, 7, 10)
    out = np.zeros(samples)
    for semitones in chord:
        for detune in (0.996, 1.004):
            saw = phase(root_hz * 2 ** (semitones / 12) * detune, samples) / np.pi
            out += (saw + between(draw, 0, 2)) % 2 - 1
    opened = 0.5 + 0.5 * wander(draw, samples, scale(traits.pace, 0.3, 1.0))
    rise = np.minimum(1, seconds(samples) / (0.2 + 0.06 * samples / RATE_HZ))
    return np.asarray((low_pass(out, 500) * (1 - opened) + low_pass(out, 1800) * opened) * rise)


def flute(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A breathy melody with vibrato."""
    out = np.zeros(samples)
    root_hz = scale(traits.pitch, 480, 900)
    notes = _melody(draw, samples, traits)
    for (at, semitones), (after, _) in zip(notes, [*notes[1:], (samples, 0)], strict=True):
        length = max(samples_of(0.08), after - at)
        t = seconds(length)
        vibrato = 1 + 0.008 * np.sin(2 * np.pi * 5.5 * t) * np.minimum(1, t / 0.3)
        swell = np.minimum(1, t / 0.04) * np.minimum(1, t[::-1] / 0.05)
        tone = harmonics(root_hz * 2 ** (semitones / 12) * vibrato, (1.0, 0.22, 0.1, 0.03), length)
        place(out, (tone + 0.05 * noise(draw, length)) * swell, at)
    return out
