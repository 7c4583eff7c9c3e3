"""Latents for training.

Normalisation statistics, and batches drawn from the corpus cache by step number.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starter.corpus.cache import ClipEntry, CorpusCache
from starter.mel import Floats, silence
from starter.recipe import LatentFormat

STATISTICS_FILE = "latent_statistics.npz"
EVERY = 7  # frames of the corpus that are measured


@dataclass(frozen=True)
class Statistics:
    """How packed log-mel values and the mel channels of latents turn into each other."""

    mean: Floats  # [packed values]
    deviation: Floats  # [packed values]
    into: Floats  # [packed values, mel channels]
    out_of: Floats  # [mel channels, packed values]

    def normalise(self, packed: NDArray[Any]) -> Floats:
        """Packed log-mel [..., packed values] as mel channels of about unit variance."""
        return ((packed - self.mean) @ self.into).astype(np.float32)

    def restore(self, normalised: Floats) -> Floats:
        """Undo ``normalise``, except for what the components leave out."""
        return normalised @ self.out_of + self.mean


def statistics(folder: Path, cache: CorpusCache, latent: LatentFormat) -> Statistics:
    """The statistics kept in ``folder``, measured on first use."""
    path = folder / STATISTICS_FILE
    if not path.exists():
        measured = measure(np.asarray(cache.mels[::EVERY], dtype=np.float32), latent)
        np.savez(path, **vars(measured))
    return read_statistics(path)


def measure(packed: Floats, latent: LatentFormat) -> Statistics:
    """Principal components of packed log-mel [frames, packed values].

    Bands are first brought to one variance (all stacked frames share a band's figures). The
    components' variances are then drawn together by ``whitening``, so that coarse and fine are
    seen at noise levels that one network can learn, and scaled to a mean of 1.
    """
    bands = packed.reshape(-1, latent.mel_bands)
    mean = np.tile(bands.mean(0), latent.frames_per_latent)
    deviation = np.tile(bands.std(0), latent.frames_per_latent)
    variances, axes = np.linalg.eigh(np.cov(((packed - mean) / deviation).T))
    largest = slice(None, -latent.mel_channels - 1, -1)
    variances, axes = variances[largest], axes[:, largest]
    wanted = variances ** (1 - latent.whitening)
    scale = np.sqrt(wanted / wanted.mean() / variances)
    into = axes / deviation[:, None] * scale
    out_of = (axes * deviation[:, None] / scale).T
    return Statistics(*(np.asarray(a, dtype=np.float32) for a in (mean, deviation, into, out_of)))


def read_statistics(path: Path) -> Statistics:
    """Read what ``statistics`` wrote."""
    with np.load(path) as kept:
        return Statistics(**kept)


@dataclass(frozen=True)
class LatentBatch:
    """Sounds of one latent length with a caption each."""

    mels: Floats  # normalised, [batch, mel channels, frames]
    captions: list[str]
    seconds: Floats  # [batch]


class LatentSampler:
    """Draws batches of equal length.

    Mostly clips that just fit the length, some with silence after them.
    """

    def __init__(self, cache: CorpusCache, measured: Statistics, latent: LatentFormat) -> None:
        self._cache, self._statistics, self._latent = cache, measured, latent
        buckets = np.array([-(-e.frames // latent.bucket_frames) for e in cache.entries])
        self._longest = latent.window_frames // latent.bucket_frames
        self._by_bucket = [np.flatnonzero(buckets == b) for b in range(self._longest + 1)]
        self._up_to = [np.flatnonzero(buckets <= b) for b in range(self._longest + 1)]
        weights = np.array([len(members) for members in self._by_bucket], dtype=float)
        self._weights = weights / weights.sum()

    def batch(self, draw: np.random.Generator, frames_budget: int) -> LatentBatch:
        """One batch; its length times its size stays within ``frames_budget`` latent frames."""
        bucket = int(draw.choice(len(self._weights), p=self._weights))
        if draw.random() < 0.1:
            bucket = min(self._longest, bucket + int(draw.integers(1, 5)))
        if draw.random() < 0.04:
            bucket = self._longest
        frames = bucket * self._latent.bucket_frames
        rows = [self._pick(draw, bucket) for _ in range(max(2, frames_budget // frames))]
        captions = [e.captions[int(draw.integers(len(e.captions)))] for e in rows]
        mels = np.stack([self._pad(e, frames) for e in rows])
        return LatentBatch(mels, captions, np.array([e.seconds for e in rows], dtype=np.float32))

    def _pick(self, draw: np.random.Generator, bucket: int) -> ClipEntry:
        fits = self._by_bucket[bucket]
        members = fits if len(fits) and draw.random() < 0.8 else self._up_to[bucket]
        return self._cache.entries[int(draw.choice(members))]

    def _pad(self, entry: ClipEntry, frames: int) -> Floats:
        """Mel channels [mel channels, frames], silence after the clip."""
        packed = np.full(
            (frames, self._latent.packed_values), silence(self._latent), dtype=np.float32
        )
        packed[: entry.frames] = self._cache.pack(entry)
        return self._statistics.normalise(packed).T
