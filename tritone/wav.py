"""WAV as speech servers answer with it, whole or streamed."""

import struct

import numpy as np
from numpy.typing import NDArray

_PCM, _EXTENSIBLE = 1, 0xFFFE
_BITS = 16
_HEADER = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")


class NoWav(ValueError):
    """The bytes are no WAV of 16 bit."""


def read_wav(content: bytes) -> tuple[NDArray[np.float32], int]:
    """Return samples (one channel: the mean of all) and their rate in Hz.

    Sizes are not believed: whoever streams does not know them, and writes 0 or 0xFFFFFFFF.

    Raises:
        NoWav: it is something else.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NoWav(f"not a WAV file: it begins with {content[:12]!r}")
    position, rate, channels = 12, 0, 0
    while position + _HEADER.size <= len(content):
        name, size = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        if name == b"fmt " and len(content) >= position + _FORMAT.size:
            kind, channels, rate, _, _, bits = _FORMAT.unpack_from(content, position)
            if kind not in (_PCM, _EXTENSIBLE) or bits != _BITS or not channels or not rate:
                raise NoWav(f"not PCM of {_BITS} bit: format {kind}, {bits} bit")
        if name == b"data":
            if not channels:
                break
            n_bytes = min(size or len(content), len(content) - position)
            n_bytes -= n_bytes % (2 * channels)
            samples = np.frombuffer(content, "<i2", n_bytes // 2, position)
            mono = samples.reshape(-1, channels).astype(np.float32).mean(axis=1)
            return mono.astype(np.float32) / np.float32(32768), rate
        position += size + size % 2
    raise NoWav("the WAV file holds no samples")
