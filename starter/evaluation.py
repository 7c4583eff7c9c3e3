"""What the starter can do, measured: is what was asked for what comes out?"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from starter.classifier import Judge
from starter.corpus.cache import ClipEntry, CorpusCache, load
from starter.corpus.captions import wordings
from starter.corpus.kinds import KINDS
from starter.instrument import Instrument, Order
from starter.measures import (
    clipped_share,
    frechet_distance,
    is_silent,
    is_sound,
    level_dbfs,
    mean_difference,
    tail_db,
)
from starter.mel import Floats, log_mel, unpack
from starter.recipe import NoiseSchedule
from starter.sampler import Settings

SECONDS = 4.0
SEED = 1000
TOLERATED = 0.02  # loss of recognition for less precision
NEAR = 0.01  # good sounds: a sweep does not tell less apart


@dataclass(frozen=True)
class KindResult:
    """Sounds generated for one kind from held-out wordings, and what the judge took them for."""

    name: str
    prompts: list[str]
    waves: list[Floats]
    heard: list[str]
    distance: float  # Fréchet distance to held-out corpus clips
    corpus_distance: float  # the same between two halves of the corpus clips

    @property
    def accuracy(self) -> float:
        """Share of sounds recognised as what was asked for."""
        return float(np.mean([h == self.name for h in self.heard]))

    @property
    def good(self) -> float:
        """Share of sounds that are recognised and neither silent nor distorted."""
        pairs = zip(self.heard, self.waves, strict=True)
        return float(np.mean([h == self.name and is_sound(w) for h, w in pairs]))


@dataclass(frozen=True)
class Bench:
    """What an evaluation needs."""

    instrument: Instrument
    judge: Judge
    held_out: CorpusCache

    def spectrograms(self, waves: "list[Floats] | Floats") -> list[Floats]:
        """Log-mel spectrograms of waves."""
        return [log_mel(wave, self.instrument.recipe.latent) for wave in waves]

    def corpus_mels(self, name: str) -> list[Floats]:
        """Held-out corpus clips of a kind."""
        return [self._mel(e) for e in self.held_out.entries if e.kinds == (name,)]

    def _mel(self, entry: ClipEntry) -> Floats:
        return unpack(self.held_out.pack(entry), self.instrument.recipe.latent)


def held_out_prompts(name: str, count: int) -> list[str]:
    """The same selection of held-out wordings every time."""
    choices = wordings(KINDS[name], held_out=True)
    return [choices[int(i)] for i in np.random.default_rng(SEED).permutation(len(choices))[:count]]


def play_kind(bench: Bench, name: str, seeds: int, settings: Settings) -> KindResult:
    """Generate a kind from held-out wordings, one seed each, and judge it."""
    prompts = held_out_prompts(name, seeds)
    order = Order(prompts, [SEED + i for i in range(seeds)], SECONDS)
    waves = list(bench.instrument.play(order, settings))
    mels = bench.spectrograms(waves)
    corpus = bench.corpus_mels(name)
    return KindResult(
        name,
        prompts,
        waves,
        bench.judge.kinds_of(mels),
        frechet_distance(mels, corpus),
        frechet_distance(corpus[::2], corpus[1::2]),
    )


def play_all(
    bench: Bench, seeds: int, settings: Settings, on_kind: Callable[[int, int, str], None]
) -> list[KindResult]:
    """Every kind; ``on_kind(done, all, note)`` reports progress."""
    results: list[KindResult] = []
    for name in KINDS:
        results.append(play_kind(bench, name, seeds, settings))
        on_kind(len(results), len(KINDS), f"{overall(results):.0%} recognised")
    return results


def overall(results: list[KindResult]) -> float:
    """Share recognised over all sounds."""
    return float(np.mean([r.accuracy for r in results]))


def judge_corpus(bench: Bench) -> float:
    """How often the judge is right on held-out corpus clips themselves."""
    mels = {name: bench.corpus_mels(name) for name in KINDS}
    return float(
        np.mean([np.mean([k == n for k in bench.judge.kinds_of(m)]) for n, m in mels.items()])
    )


def judge_vocoded(bench: Bench, per_kind: int = 6) -> float:
    """How often the judge is right on held-out clips that went through the vocoder.

    The ceiling for the transformer.
    """
    right = []
    instrument = bench.instrument
    torch.manual_seed(SEED)
    for name in KINDS:
        entries = [e for e in bench.held_out.entries if e.kinds == (name,)][:per_kind]
        for entry in entries:
            packed = instrument.measured.normalise(bench.held_out.pack(entry))
            mel = torch.from_numpy(packed.T[None])
            noise = torch.randn(1, instrument.recipe.latent.noise_channels, mel.shape[2])
            waves = instrument.decode(torch.cat([mel, noise], dim=1))
            right.append(bench.judge.kinds_of(bench.spectrograms(waves))[0] == name)
    return float(np.mean(right))


@dataclass(frozen=True)
class Behaviour:
    """How the starter reacts to prompt, seed and seconds."""

    between_prompts: float  # mean difference of spectrograms, nats: same seed, another kind
    between_seeds: float  # same prompt, another seed
    tails_db: list[float]  # level after the asked seconds in a longer window
    levels_dbfs: list[float]
    silent: int
    clipped: float  # largest share of clipped samples in a sound


def behaviour(bench: Bench, results: list[KindResult], settings: Settings) -> Behaviour:
    """Measure reactions on the generated sounds, and on a few in a longer window."""
    mels = [bench.spectrograms(r.waves[:2]) for r in results]
    waves = [wave for r in results for wave in r.waves]
    return Behaviour(
        between_prompts=float(np.mean([mean_difference(a[0], b[0]) for a, b in pairwise(mels)])),
        between_seeds=float(
            np.mean([mean_difference(m[0], m[1]) for m in mels if len(m) > 1] or [0.0])
        ),
        tails_db=_tails(bench, settings),
        levels_dbfs=[level_dbfs(w) for w in waves],
        silent=sum(is_silent(w) for w in waves),
        clipped=max(clipped_share(w) for w in waves),
    )


def _tails(bench: Bench, settings: Settings) -> list[float]:
    """3-second requests generated in windows of 4 and 6 s: the level after the third second."""
    prompts = [held_out_prompts(name, 1)[0] for name in list(KINDS)[::3]]
    tails = []
    for frames in (100, 150):
        order = Order(prompts, [SEED + i for i in range(len(prompts))], 3.0, frames)
        waves = bench.instrument.decode(bench.instrument.latents(order, settings))
        tails += [tail_db(wave, 3.0) for wave in waves]
    return tails


@dataclass(frozen=True)
class SweepPoint:
    """One setting and how much of what it made was recognised."""

    settings: Settings
    accuracy: float
    good: float  # share recognised and neither silent nor distorted
    distance: float  # median over the kinds


def sweep(
    bench: Bench, seeds: int, grid: list[Settings], on_kind: Callable[[int, int, str], None]
) -> list[SweepPoint]:
    """Every setting in a grid over all kinds."""
    points = []
    for done, settings in enumerate(grid, start=1):
        results = play_all(bench, seeds, settings, lambda *_: None)
        good = float(np.mean([r.good for r in results]))
        distance = float(np.median([r.distance for r in results]))
        points.append(SweepPoint(settings, overall(results), good, distance))
        on_kind(
            done,
            len(grid),
            f"steps {settings.steps}, guidance {settings.guidance}: {overall(results):.0%}",
        )
    return points


def best(points: list[SweepPoint], levels: NoiseSchedule) -> Settings:
    """The setting to ship.

    The least work that costs at most a point of good sounds, then the nearest to the corpus.
    """
    top = max(p.good for p in points)
    near = [p for p in points if p.good >= top - NEAR]
    return min(near, key=lambda p: (p.settings.rows(levels), p.distance)).settings


def load_bench(work: Path, instrument: Instrument, judge: Judge) -> Bench:
    """Open the held-out clips."""
    return Bench(instrument, judge, load(work / "corpus" / "held_out", instrument.recipe.latent))
