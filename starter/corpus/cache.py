"""The training cache on disk: waves (float16), latents (float16), captions.

Built once, in parallel, then memory-mapped.
"""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from starter.corpus.clips import Clip, Wanted, make_clip
from starter.corpus.kinds import KINDS
from starter.mel import log_mel, pack
from starter.recipe import CorpusSizes, LatentFormat, Recipe

SPLITS = {"training": 0, "held_out": 10_000_000}  # first clip seed of each split


@dataclass(frozen=True)
class ClipEntry:
    """Where a clip lies in the cache."""

    kinds: tuple[str, ...]
    captions: tuple[str, ...]
    seconds: float
    first_frame: int
    frames: int  # latent frames


@dataclass(frozen=True)
class CorpusCache:
    """A built cache: clips one after another on latent frame borders."""

    entries: list[ClipEntry]
    waves: NDArray[np.float16]  # [frames * hop samples]
    mels: NDArray[np.float16]  # log-mel, not normalised, [frames, packed values]

    def pack(self, entry: ClipEntry) -> NDArray[np.float32]:
        """A clip's log-mel values [frames, packed values], not normalised."""
        rows = self.mels[entry.first_frame : entry.first_frame + entry.frames]
        return np.asarray(rows, dtype=np.float32)


def plan(sizes: CorpusSizes, first_seed: int) -> list[Wanted]:
    """Which clips to make: the same number of every kind, then mixtures of two different kinds."""
    names = list(KINDS)
    singles = [
        Wanted((name,), first_seed + i) for i in range(sizes.clips_per_kind) for name in names
    ]
    draw = np.random.default_rng(first_seed + 1)
    pairs = [draw.choice(len(names), 2, replace=False) for _ in range(sizes.mixtures)]
    return singles + [
        Wanted((names[a], names[b]), first_seed + i) for i, (a, b) in enumerate(pairs)
    ]


def build(
    folder: Path, recipe: Recipe, first_seed: int, on_clip: Callable[[int, int], None]
) -> None:
    """Synthesise a split into ``folder``; ``on_clip(done, all)`` reports progress."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = plan(recipe.corpus, first_seed)
    entries: list[ClipEntry] = []
    frame = 0
    with (
        (folder / "waves.f16").open("wb") as waves,
        (folder / "mels.f16").open("wb") as mels,
        ProcessPoolExecutor(2) as pool,
    ):
        jobs = pool.map(_render, wanted, [recipe] * len(wanted), chunksize=16)
        for done, (clip, wave, mel) in enumerate(jobs, start=1):
            waves.write(wave.tobytes())
            mels.write(mel.tobytes())
            entries.append(ClipEntry(clip.kinds, clip.captions, clip.seconds, frame, len(mel)))
            frame += len(mel)
            on_clip(done, len(wanted))
    _write_index(folder / "index.json", entries)


def load(folder: Path, latent: LatentFormat) -> CorpusCache:
    """Map a built cache."""
    rows = json.loads((folder / "index.json").read_text())
    entries = [ClipEntry(tuple(r[0]), tuple(r[1]), *r[2:]) for r in rows]
    waves = np.memmap(folder / "waves.f16", dtype=np.float16, mode="r")
    mels = np.memmap(folder / "mels.f16", dtype=np.float16, mode="r").reshape(
        -1, latent.packed_values
    )
    return CorpusCache(entries, waves, mels)


def _render(
    wanted: Wanted, recipe: Recipe
) -> tuple[Clip, NDArray[np.float16], NDArray[np.float16]]:
    """One clip, its wave completed to whole latent frames, and its packed log-mel."""
    clip = make_clip(wanted, recipe.corpus)
    mel = pack(log_mel(clip.mono, recipe.latent), recipe.latent).astype(np.float16)
    wave = np.zeros(len(mel) * recipe.latent.hop_samples, dtype=np.float16)
    wave[: len(clip.mono)] = clip.mono
    return clip, wave, mel


def _write_index(path: Path, entries: list[ClipEntry]) -> None:
    rows = [[e.kinds, e.captions, e.seconds, e.first_frame, e.frames] for e in entries]
    path.write_text(json.dumps(rows))
