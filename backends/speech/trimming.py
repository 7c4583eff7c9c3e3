"""Cuts the silence off a passage; changes its pace where no network can. Knows no engine."""

import numpy as np
from numpy.typing import NDArray

from backends.speech.engine import Sound

_AUDIBLE = 0.004  # of the passage's peak: -48 dB
_WINDOW_S = 0.005
_LEAD_S = 0.015  # kept before the first audible sample
_MAX_LEAD_S = 0.12  # a consonant may begin so long before its phoneme
_TAIL_S = 0.04  # kept after the last audible sample
FADE_S = 0.008


def trim(
    sound: Sound, sample_rate: int, *, stretch: float = 1.0, begin: int | None = None
) -> Sound:
    """Return a sound without the silence of its first and last phoneme, which are pads.

    `stretch` makes it longer (above 1) or shorter without changing its pitch. `begin` is the first
    sample to keep, where it has been found already.
    """
    if begin is None:
        begin = find_begin(sound, sample_rate)
    end = _find_end(sound.waveform, sample_rate)
    waveform = sound.waveform[begin:end].copy()
    edges_s = np.clip(sound.edges_s - begin / sample_rate, 0.0, len(waveform) / sample_rate)
    if stretch != 1.0:
        waveform = stretch_time(waveform, stretch, sample_rate)
        edges_s = np.minimum(edges_s * stretch, len(waveform) / sample_rate)
    fade = min(round(FADE_S * sample_rate), len(waveform) // 2)
    fade_in(waveform, fade)
    waveform[len(waveform) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return Sound(waveform, edges_s)


def fade_in(waveform: NDArray[np.float32], n_samples: int) -> None:
    """Let a waveform begin softly, in place."""
    waveform[:n_samples] *= np.linspace(0.0, 1.0, n_samples, dtype=np.float32)


def find_begin(sound: Sound, sample_rate: int) -> int:
    """Return the first sample to keep; the waveform may be the begin of a longer one."""
    first = round(float(sound.edges_s[1]) * sample_rate)  # where the leading pad ends
    heard, _ = _heard(sound.waveform, sample_rate)
    if not heard.size:
        return min(first, len(sound.waveform))
    earliest = first - round(_MAX_LEAD_S * sample_rate)
    begin = max(int(heard[heard >= earliest][0]), earliest) if (heard >= earliest).any() else first
    return max(0, min(begin, first) - round(_LEAD_S * sample_rate))


def find_first_heard(waveform: NDArray[np.float32], sample_rate: int) -> int:
    """Return the first sample to keep of a waveform whose phonemes nobody tells apart."""
    heard, _ = _heard(waveform, sample_rate)
    return max(0, int(heard[0]) - round(_LEAD_S * sample_rate)) if heard.size else 0


def _find_end(waveform: NDArray[np.float32], sample_rate: int) -> int:
    """Return the sample after the last one to keep."""
    heard, window = _heard(waveform, sample_rate)
    if not heard.size:
        return len(waveform)
    return min(len(waveform), int(heard[-1]) + window + round(_TAIL_S * sample_rate))


def _heard(waveform: NDArray[np.float32], sample_rate: int) -> tuple[NDArray[np.intp], int]:
    """Return where windows begin in which something is heard, and the size of a window."""
    window = round(_WINDOW_S * sample_rate)
    level = np.abs(waveform[: len(waveform) // window * window]).reshape(-1, window).max(axis=1)
    audible = np.flatnonzero(level > _AUDIBLE * max(float(level.max(initial=0.0)), 1e-6))
    return audible * window, window


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
