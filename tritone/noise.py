"""Gaussian noise: a value depends on seed, stream and place, and on nothing else.

So a request's noise does not depend on who shares its batch, and a repeated seed repeats the sound.
What seeds mean is a promise of each model, in its card: `counter`, or `sequence` of models that
were published before there was another one. docs/noise.md defines both.
"""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tritone.normals import fill_normals

NoiseKind: TypeAlias = Literal["counter", "sequence"]

COUNTER: NoiseKind = "counter"
SEQUENCE: NoiseKind = "sequence"
NOISE_KINDS: tuple[NoiseKind, ...] = (COUNTER, SEQUENCE)

INITIAL_STREAM = 0
_UINT64 = (1 << 64) - 1
_BLOCK = 8  # normals of one counter
_TILE = 32768  # words: smaller tiles pay more for calls, larger ones leave the cache


def draw_gaussian(
    kind: NoiseKind, seed: int, stream: int, shape: tuple[int, int], first_frame: int = 0
) -> NDArray[np.float32]:
    """Return standard normals of one stream, [channels, frames]: 0 is the start, 1 + k is step k.

    `first_frame` is for parts of noise; `sequence` begins at its first one only.
    """
    channels, frames = shape
    if kind == SEQUENCE:
        if first_frame:
            raise ValueError("noise in sequence begins at its first frame")
        generator = np.random.Generator(np.random.Philox(key=_make_key(seed, stream)))
        return generator.standard_normal(shape, dtype=np.float32)
    # Frame after frame, so that more frames do not change those before them.
    flat = _draw_elements(seed, stream, first_frame * channels, frames * channels)
    return np.ascontiguousarray(flat.reshape(frames, channels).T)


def draw_words(seed: int, stream: int, first_block: int, count: int) -> NDArray[np.uint64]:
    """Return words of Philox4x64-10 (Salmon et al. 2011), four for each counter from a first one.

    The counter is (block, 0, 0, 0), the key (seed, stream).
    """
    return _draw_next(_open_words(seed, stream, first_block), count)


def _draw_elements(seed: int, stream: int, first: int, count: int) -> NDArray[np.float32]:
    n_before = first % _BLOCK  # of the first counter
    n_words = -(-(n_before + count) // 2)
    generator = _open_words(seed, stream, first // _BLOCK)
    normals = np.empty(2 * n_words, np.float32)
    for at in range(0, n_words, _TILE):
        words = _draw_next(generator, min(_TILE, n_words - at))
        fill_normals(words, normals[2 * at : 2 * (at + len(words))])
    return normals[n_before : n_before + count]


def _open_words(seed: int, stream: int, first_block: int) -> np.random.Generator:
    # numpy counts up before it computes.
    before = (first_block - 1) % (1 << 256)
    return np.random.Generator(np.random.Philox(key=_make_key(seed, stream), counter=before))


def _draw_next(generator: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return generator.integers(_UINT64, size=count, dtype=np.uint64, endpoint=True)


def _make_key(seed: int, stream: int) -> NDArray[np.uint64]:
    return np.array([seed & _UINT64, stream], np.uint64)
