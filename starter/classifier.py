"""A small classifier of kinds, fitted on corpus clips: the judge of what was generated."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from starter.corpus.cache import CorpusCache
from starter.mel import Floats, silence, unpack
from starter.recipe import LatentFormat

EPOCHS, BATCH = 40, 128
MODULATION_BINS = 24
LEVEL_JITTER = 1.0  # nats: the judge must not go by loudness
SMEAR = 0.25  # nats: nor by fine detail that no vocoder keeps


def features(log_mel: Floats) -> Floats:
    """Statistics of a spectrogram [frames, bands], float32 [features].

    Per band: mean, spread, three quantiles and mean movement; then the spectrum of the loudness
    over time.
    """
    quantiles = np.quantile(log_mel, (0.1, 0.5, 0.95), axis=0)
    movement = np.abs(np.diff(log_mel, axis=0)).mean(0)
    return np.asarray(
        np.concatenate(
            [log_mel.mean(0), log_mel.std(0), *quantiles, movement, _modulation(log_mel)]
        ),
        dtype=np.float32,
    )


def _modulation(log_mel: Floats) -> NDArray[np.float64]:
    """How strongly low and high bands beat at rates from 0 to 25 Hz, [2 * MODULATION_BINS]."""
    halves = np.split(log_mel, 2, axis=1)
    spectra = []
    for half in halves:
        curve = half.mean(1) - half.mean()
        power = np.abs(np.fft.rfft(curve * np.hanning(len(curve)), 512)) / np.sqrt(len(curve))
        spectra.append(
            power[1:]
            .reshape(-1)[: 256 // MODULATION_BINS * MODULATION_BINS]
            .reshape(MODULATION_BINS, -1)
            .mean(1)
        )
    return np.asarray(np.log(np.concatenate(spectra) + 1e-2))


@dataclass(frozen=True)
class Judge:
    """A fitted classifier."""

    kinds: list[str]
    network: nn.Module
    mean: Floats
    deviation: Floats

    @torch.no_grad()
    def kinds_of(self, log_mels: list[Floats]) -> list[str]:
        """The kind each spectrogram is taken for."""
        rows = np.stack([features(m) for m in log_mels])
        scores = self.network(torch.from_numpy((rows - self.mean) / self.deviation))
        return [self.kinds[int(i)] for i in scores.argmax(1)]


def fit(cache: CorpusCache, latent: LatentFormat, seed: int = 3) -> Judge:
    """Fit on the clips of one kind in the training split, with levels and details jittered."""
    draw = np.random.default_rng(seed)
    torch.manual_seed(seed)
    singles = [e for e in cache.entries if len(e.kinds) == 1]
    kinds = sorted({e.kinds[0] for e in singles})
    rows, labels = [], []
    for entry in singles:
        packed = np.asarray(
            cache.mels[entry.first_frame : entry.first_frame + entry.frames], dtype=np.float32
        )
        rows.append(features(_jittered(draw, unpack(packed, latent), latent)))
        labels.append(kinds.index(entry.kinds[0]))
    table = np.stack(rows)
    mean, deviation = table.mean(0), table.std(0) + 1e-3
    network = _trained(
        torch.from_numpy((table - mean) / deviation), torch.tensor(labels), len(kinds)
    )
    return Judge(kinds, network, mean, deviation)


def _jittered(draw: np.random.Generator, log_mel: Floats, latent: LatentFormat) -> Floats:
    """Another level and a little noise, never below the floor."""
    moved = log_mel + draw.normal(0, LEVEL_JITTER) + draw.normal(0, SMEAR, log_mel.shape)
    return np.maximum(moved, silence(latent)).astype(np.float32)


def _trained(rows: Tensor, labels: Tensor, kinds: int) -> nn.Module:
    """A two-layer perceptron, trained in seconds."""
    network = nn.Sequential(
        nn.Dropout(0.1),
        nn.Linear(rows.shape[1], 192),
        nn.GELU(),
        nn.Dropout(0.3),
        nn.Linear(192, kinds),
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.02)
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(rows)), BATCH):
            loss = nn.functional.cross_entropy(
                network(rows[chosen]), labels[chosen], label_smoothing=0.05
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return network.eval()
