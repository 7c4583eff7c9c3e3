"""Sounds to encode, and what a listener would measure in the bytes that come back."""

import io

import av
import numpy as np
from numpy.typing import NDArray

from frontend.audio.formats import AudioFormat
from tritone.pcm import FULL_SCALE, Pcm

_LAYOUTS = {1: "mono", 2: "stereo"}


def tone(seconds: float, sample_rate: int, *, channels: int = 2, hertz: float = 440.0) -> Pcm:
    """A sine at half scale: int16 [channels, samples]."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    wave = np.rint(np.sin(2 * np.pi * hertz * time) * FULL_SCALE / 2).astype(np.int16)
    return np.repeat(wave[None], channels, axis=0)


def decode(
    audio: bytes, audio_format: AudioFormat, *, raw_rate: int, raw_channels: int
) -> tuple[NDArray[np.float64], int]:
    """Float [channels, samples] in [-1, 1] and the rate; formats without a header need telling."""
    options = {}
    if audio_format.container in {"s16le", "mulaw", "alaw"}:
        options = {"sample_rate": str(raw_rate), "ch_layout": _LAYOUTS[raw_channels]}
    with av.open(
        io.BytesIO(audio),
        "r",
        format=audio_format.container.replace("adts", "aac"),
        options=options,
    ) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp")
        blocks = [
            out.to_ndarray()
            for frame in container.decode(stream)
            for out in resampler.resample(frame)
        ]
        return np.concatenate(blocks, axis=1).astype(np.float64), stream.rate


def pitch(sound: NDArray[np.float64], sample_rate: int) -> float:
    """Hz of the strongest partial, to a tenth of a bin."""
    middle = sound.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 8 * len(middle)))
    return float(np.argmax(spectrum) * sample_rate / (8 * len(middle)))


def level(sound: NDArray[np.float64]) -> float:
    """Root mean square of the middle half; a half-scale sine has 0.354."""
    n = sound.shape[1]
    return float(np.sqrt(np.mean(np.square(sound[:, n // 4 : 3 * n // 4]))))
