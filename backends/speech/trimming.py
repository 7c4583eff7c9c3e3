"""Cuts the silence off a passage; changes its pace where no network can. Knows no engine."""

import numpy as np
from numpy.typing import NDArray

from backends.speech.engine import Sound

_AUDIBLE = 0.004  # of the passage's peak: -48 dB
_WINDOW_S = 0.005
_LEAD_S = 0.015  # kept before the first audible sample
_MAX_LEAD_S = 0.12  # a consonant may begin so long before its phoneme
_TAIL_S = 0.04  # kept after the last audible sample
_FADE_S = 0.008


def trim(sound: Sound, sample_rate: int, *, stretch: float = 1.0) -> Sound:
    """Return a sound without the silence of its first and last phoneme, which are pads.

    `stretch` makes it longer (above 1) or shorter without changing its pitch.
    """
    begin, end = _bounds(sound, sample_rate)
    waveform = sound.waveform[begin:end].copy()
    edges_s = np.clip(sound.edges_s - begin / sample_rate, 0.0, len(waveform) / sample_rate)
    if stretch != 1.0:
        waveform = stretch_time(waveform, stretch, sample_rate)
        edges_s = np.minimum(edges_s * stretch, len(waveform) / sample_rate)
    fade = min(round(_FADE_S * sample_rate), len(waveform) // 2)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    waveform[:fade] *= ramp
    waveform[len(waveform) - fade :] *= ramp[::-1]
    return Sound(waveform, edges_s)


def _bounds(sound: Sound, sample_rate: int) -> tuple[int, int]:
    """Return the first sample to keep and the one after the last."""
    n = len(sound.waveform)
    first = round(float(sound.edges_s[1]) * sample_rate)  # where the leading pad ends
    window = round(_WINDOW_S * sample_rate)
    level = np.abs(sound.waveform[: n // window * window]).reshape(-1, window).max(axis=1)
    audible = np.flatnonzero(level > _AUDIBLE * max(float(level.max(initial=0.0)), 1e-6))
    if not audible.size:
        return min(first, n), n
    heard = audible * window
    earliest = first - round(_MAX_LEAD_S * sample_rate)
    begin = max(int(heard[heard >= earliest][0]), earliest) if (heard >= earliest).any() else first
    begin = max(0, min(begin, first) - round(_LEAD_S * sample_rate))
    end = min(n, int(heard[-1]) + window + round(_TAIL_S * sample_rate))
    return begin, end


_FRAME_S = 0.03
_SEARCH_S = 0.008


def stretch_time(
    waveform: NDArray[np.float32], stretch: float, sample_rate: int
) -> NDArray[np.float32]:
    """Return a waveform `stretch` times as long, of equal pitch.

    Source: Verhelst and Roelands 1993, "An overlap-add technique based on waveform similarity
    (WSOLA) for high quality time-scale modification of speech".
    """
    half, search = round(_FRAME_S * sample_rate / 2), round(_SEARCH_S * sample_rate)
    frame = 2 * half
    n_out = round(len(waveform) * stretch)
    n_frames = max(1, -(-n_out // half))
    padded = np.pad(waveform, (search, frame + search + half))
    window = np.hanning(frame + 1)[:frame].astype(np.float32)
    out = np.zeros((n_frames + 1) * half, np.float32)
    position = search
    for k in range(n_frames):
        wanted = search + round(k * half / stretch)
        if k > 0:
            natural = padded[position + half : position + half + frame]
            region = padded[wanted - search : wanted + search + frame]
            wanted += int(np.argmax(np.correlate(region, natural, "valid"))) - search
        position = min(wanted, len(padded) - frame - half)
        out[k * half : k * half + frame] += window * padded[position : position + frame]
    out[:half] += (1.0 - window[:half]) * padded[search : search + half]
    return out[:n_out]
