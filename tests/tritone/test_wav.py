import struct

import numpy as np
import pytest

from tritone.wav import NoWav, read_wav


def wav(samples: bytes, *, channels: int = 1, size: int | None = None, kind: int = 1) -> bytes:
    described = struct.pack("<HHIIHH", kind, channels, 16_000, 32_000 * channels, 2 * channels, 16)
    size = len(samples) if size is None else size
    junk = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    head = b"RIFF" + struct.pack("<I", 0) + b"WAVE" + junk
    return head + b"fmt " + struct.pack("<I", 16) + described + b"data" + struct.pack("<I", size) + samples  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_sizes_of_streams_are_not_believed(size: int | None) -> None:
    samples, rate = read_wav(wav(struct.pack("<3h", 0, 16_384, -32_768), size=size))
    assert rate == 16_000
    assert samples.tolist() == [0.0, 0.5, -1.0]


def test_channels_become_one() -> None:
    samples, _ = read_wav(wav(struct.pack("<4h", 0, 16_384, -16_384, 16_384), channels=2))
    assert np.allclose(samples, [0.25, 0.0])


@pytest.mark.parametrize("content", [b"", b"ID3", b"RIFF1234WAVE", wav(b"", kind=3), wav(b"")[:40]])
def test_anything_else_is_said(content: bytes) -> None:
    with pytest.raises(NoWav):
        read_wav(content)
