"""Latents for training.

Normalisation statistics, and batches drawn from the corpus cache by step number.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starter.corpus.cache import ClipEntry, CorpusCache
from starter.mel import Floats, silence
from starter.recipe import LatentFormat


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of the log-mel bands over the corpus, float32 [mel channels] each."""

    mean: Floats
    deviation: Floats

    def normalised(self, packed: NDArray[Any]) -> Floats:
        """Packed log-mel [..., mel channels] with about unit variance."""
        return ((packed - self.mean) / self.deviation).astype(np.float32)

    def restored(self, normalised: Floats) -> Floats:
        """Undo ``normalised``."""
        return normalised * self.deviation + self.mean


def statistics(folder: Path, cache: CorpusCache, latent: LatentFormat) -> Statistics:
    """The statistics kept in ``folder``, measured on first use.

    Both stacked frames share a band's figures.
    """
    path = folder / "latent_statistics.json"
    if not path.exists():
        bands = np.asarray(cache.mels[::7], dtype=np.float32).reshape(-1, latent.mel_bands)
        figures = {"mean": bands.mean(0).tolist(), "deviation": bands.std(0).tolist()}
        path.write_text(json.dumps(figures))
    return read_statistics(path, latent)


def read_statistics(path: Path, latent: LatentFormat) -> Statistics:
    """Read what ``statistics`` wrote."""
    figures = json.loads(path.read_text())
    mean, deviation = (
        np.tile(np.float32(figures[k]), latent.frames_per_latent) for k in ("mean", "deviation")
    )
    return Statistics(mean, deviation)


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
        mels = np.stack([self._padded(e, frames) for e in rows])
        return LatentBatch(mels, captions, np.array([e.seconds for e in rows], dtype=np.float32))

    def _pick(self, draw: np.random.Generator, bucket: int) -> ClipEntry:
        fits = self._by_bucket[bucket]
        members = fits if len(fits) and draw.random() < 0.8 else self._up_to[bucket]
        return self._cache.entries[int(draw.choice(members))]

    def _padded(self, entry: ClipEntry, frames: int) -> Floats:
        """Normalised mel part [mel channels, frames], silence after the clip."""
        packed = np.full(
            (frames, self._latent.mel_channels), silence(self._latent), dtype=np.float32
        )
        packed[: entry.frames] = self._cache.mels[
            entry.first_frame : entry.first_frame + entry.frames
        ]
        return self._statistics.normalised(packed).T
