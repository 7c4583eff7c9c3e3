"""Animals, alarms and machines: sounds with a pitch that moves."""

import numpy as np

from starter.corpus.dsp import (
    Draw,
    Traits,
    Wave,
    band_pass,
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
    scatter,
    seconds,
    sine,
    wander,
)


def birds(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Whistled chirps in phrases."""
    out = np.zeros(samples)
    centre_hz = scale(traits.pitch, 2400, 4600)
    for phrase in scatter(draw, samples, scale(traits.pace, 0.9, 2.4)):
        sweep_hz_per_s, length = between(draw, -14000, 14000), samples_of(between(draw, 0.05, 0.13))
        base_hz = centre_hz * between(draw, 0.8, 1.3)
        for count in range(int(draw.integers(1, 6))):
            t = seconds(length)
            curve_hz = np.clip(
                base_hz + sweep_hz_per_s * t + 250 * np.sin(2 * np.pi * 28 * t), 1200, 7400
            )
            place(
                out,
                sine(curve_hz, length) * np.hanning(length),
                phrase + count * int(length * 1.35),
            )
    return out


def crickets(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Trains of pulses at one high pitch."""
    t = seconds(samples)
    out = np.zeros(samples)
    for _ in range(int(draw.integers(1, 4))):
        pitch_hz = scale(traits.pitch, 3800, 5200) * between(draw, 0.95, 1.05)
        pulses = np.clip(np.sin(2 * np.pi * between(draw, 25, 35) * t), 0, 1)
        chirp = ((t * scale(traits.pace, 1.2, 3.0) + between(draw, 0, 1)) % 1) < 0.5
        out += sine(pitch_hz, samples) * pulses * chirp * between(draw, 0.4, 1)
    return out


def dog(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Barks: a rough voice that rises and falls quickly."""
    out = np.zeros(samples)
    voice_hz = scale(traits.pitch, 170, 480)
    for at in beats(draw, samples, 1 / scale(traits.pace, 1.0, 2.8), jitter=0.3):
        length = samples_of(between(draw, 0.14, 0.22))
        shape = np.sin(np.pi * np.linspace(0, 1, length)) ** 0.7
        curve_hz = voice_hz * (0.75 + 0.55 * shape) * (1 + 0.04 * noise(draw, length))
        voice = harmonics(curve_hz, (0.5, 0.9, 1.0, 0.7, 0.5, 0.3, 0.25, 0.15, 0.1), length)
        breath = band_pass(noise(draw, length), 700, 2500)
        place(out, (voice + 0.9 * breath) * shape * between(draw, 0.7, 1), at)
    return out


def purr(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A low flutter around 25 pulses a second that follows the breath."""
    rate_hz = scale(traits.pitch, 21, 31) * (1 + 0.06 * wander(draw, samples, 3))
    pulses = np.clip(np.sin(phase(rate_hz, samples)), 0, 1) ** 2
    breath = (
        0.45
        + 0.55
        * np.sin(np.pi * seconds(samples) * scale(traits.pace, 0.5, 1.1) + between(draw, 0, 3)) ** 2
    )
    body = band_pass(noise(draw, samples), 80, 420) + 0.25 * band_pass(
        noise(draw, samples), 420, 1500
    )
    return np.asarray(body * pulses * breath)


def meow(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A cat's voice: up, hold, down, with a moving vowel."""
    out = np.zeros(samples)
    for at in beats(draw, samples, 1 / scale(traits.pace, 0.6, 1.4), jitter=0.2):
        length = samples_of(between(draw, 0.45, 0.75))
        arc = np.sin(np.pi * np.linspace(0, 1, length))
        curve_hz = scale(traits.pitch, 420, 800) * (0.8 + 0.35 * arc)
        dark = harmonics(curve_hz, (1.0, 0.4, 0.15), length)
        bright = harmonics(curve_hz, (0.5, 0.9, 0.8, 0.5, 0.3, 0.2), length)
        place(out, (dark * (1 - arc) + bright * arc) * arc**0.6, at)
    return out


def owl(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Soft low hoots in groups."""
    out = np.zeros(samples)
    voice_hz = scale(traits.pitch, 300, 460)
    for group in beats(draw, samples, scale(-traits.pace, 1.6, 3.0), jitter=0.1):
        at = group
        for length_s in (0.18, 0.14, 0.42)[: int(draw.integers(1, 4))]:
            length = samples_of(length_s)
            arc = np.sin(np.pi * np.linspace(0, 1, length))
            place(
                out, harmonics(voice_hz * (0.94 + 0.08 * arc), (1.0, 0.12, 0.05), length) * arc, at
            )
            at += samples_of(length_s + 0.12)
    return out


def siren(draw: Draw, samples: int, traits: Traits) -> Wave:
    """An emergency siren: a wail that sweeps, or two tones."""
    turn = 2 * np.pi * scale(traits.pace, 0.3, 1.4) * seconds(samples) + between(draw, 0, 6)
    shape = np.sign(np.sin(turn)) if between(draw, 0, 1) < 0.3 else np.sin(turn)
    centre_hz = scale(traits.pitch, 700, 1050)
    return harmonics(centre_hz * (1 + 0.3 * shape), (1.0, 0.3, 0.35, 0.12, 0.15), samples)


def beep(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Even electronic beeps at one pitch."""
    rate_hz = scale(traits.pace, 1.3, 4.0)
    gate = (((seconds(samples) * rate_hz) % 1) < between(draw, 0.35, 0.6)).astype(np.float64)
    gate = np.convolve(gate, np.hanning(65) / np.hanning(65).sum(), "same")
    return (
        harmonics(scale(traits.pitch, 700, 2100), (1.0, 0.0, between(draw, 0.0, 0.2)), samples)
        * gate
    )


def laser(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Zaps: a pitch that falls from high to low at once."""
    out = np.zeros(samples)
    length = samples_of(0.32)
    top_hz = scale(traits.pitch, 2200, 5200)
    for at in beats(draw, samples, 1 / scale(traits.pace, 1.3, 3.6), jitter=0.15):
        curve_hz = 180 + top_hz * np.exp(-seconds(length) / between(draw, 0.05, 0.09))
        place(out, harmonics(curve_hz, (1.0, 0.25), length) * decay(length, 0.001, 0.11), at)
    return out


def engine(draw: Draw, samples: int, traits: Traits) -> Wave:
    """A motor: firing pulses through an exhaust, with a rough idle."""
    firing_hz = scale(traits.pace, 32, 95) * (1 + 0.04 * wander(draw, samples, 2))
    pulse = (phase(firing_hz, samples) / (2 * np.pi)) % 1
    rough = 1 + 0.25 * np.sin(phase(firing_hz / 2, samples) + 1) + 0.1 * wander(draw, samples, 30)
    exhaust = low_pass((np.exp(-pulse * 6) - 0.17) * rough, scale(traits.pitch, 600, 1500))
    return np.asarray(
        exhaust + 0.12 * band_pass(noise(draw, samples), 150, 2500) * np.exp(-pulse * 3)
    )


def helicopter(draw: Draw, samples: int, traits: Traits) -> Wave:
    """Rotor blades that chop the air over a turbine hiss."""
    blade_hz = scale(traits.pace, 8, 16)
    chop = np.exp(-((phase(blade_hz, samples) / (2 * np.pi)) % 1) * 7)
    air = low_pass(noise(draw, samples), scale(traits.pitch, 500, 1100)) * chop * 2
    thud = sine(blade_hz * 7, samples) * chop * 0.35
    hiss = 0.05 * band_pass(noise(draw, samples), 1500, 5000)
    return np.asarray((air + thud) * (1 + 0.15 * wander(draw, samples, 0.7)) + hiss)
