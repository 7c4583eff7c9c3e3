"""A small classifier of kinds, fitted on corpus clips: the judge of what was generated.

It looks at spectrograms as an ear would: not at loudness, colour or the last decibel, and not at
what lies 60 dB below the loudest moment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from starter.corpus.cache import ClipEntry, CorpusCache
from starter.mel import Floats, unpack
from starter.recipe import LatentFormat

FILE = "judge.pt"
EPOCHS, BATCH, PEAK_RATE = 8, 32, 2e-3
STRETCH_FRAMES = 200  # mel frames of a clip that are looked at in training: 4 s
RANGE = 7.0  # nats below the loudest value: 60 dB
TILT = 0.8  # nats from the lowest to the highest band: rooms and loudspeakers colour
SMEAR = 0.35  # nats: fine detail that no vocoder keeps
FLOOR = 2.0  # nats: how far a noise floor may rise above the range's lower end
WIDTH = 24


class Ear(nn.Module):
    """Four convolutions over time and bands, then mean and spread over time."""

    def __init__(self, kinds: int, bands: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_layer(1, WIDTH, (2, 2)),
            *_layer(WIDTH, 2 * WIDTH, (2, 2)),
            *_layer(2 * WIDTH, 3 * WIDTH, (2, 2)),
            *_layer(3 * WIDTH, 3 * WIDTH, (1, 2)),
        )
        self.head = nn.Sequential(
            nn.Dropout(0.2),
            nn.Linear(2 * 3 * WIDTH * (bands // 16), 96),
            nn.GELU(),
            nn.Linear(96, kinds),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores [rows, kinds] of pictures [rows, frames, bands]."""
        seen = self.body(pictures[:, None]).transpose(1, 2).flatten(2)  # rows, frames, features
        scores: Tensor = self.head(torch.cat([seen.mean(1), seen.std(1)], dim=1))
        return scores


def _layer(inputs: int, outputs: int, stride: tuple[int, int]) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


@dataclass(frozen=True)
class Judge:
    """A fitted classifier."""

    kinds: list[str]
    ear: Ear

    @torch.no_grad()
    def kinds_of(self, log_mels: list[Floats]) -> list[str]:
        """The kind each spectrogram [frames, bands] is taken for."""
        scores = [self.ear(torch.from_numpy(picture(m))[None])[0] for m in log_mels]
        return [self.kinds[int(s.argmax())] for s in scores]

    def save(self, path: Path) -> None:
        """Write the judge, so that later sounds meet the same one."""
        torch.save({"kinds": self.kinds, "ear": self.ear.half().state_dict()}, path)
        self.ear.float()

    @classmethod
    def load(cls, path: Path) -> "Judge":
        """Read what ``save`` wrote."""
        kept = torch.load(path, weights_only=True)
        ear = Ear(len(kept["kinds"]), 64)
        ear.load_state_dict(kept["ear"])
        return cls(kept["kinds"], ear.float().eval())


def picture(log_mel: Floats) -> Floats:
    """What the judge sees: 0 at the loudest value, -1 at 60 dB below and less."""
    return np.asarray(np.clip((log_mel - log_mel.max()) / RANGE, -1, 0), dtype=np.float32)


def fit(
    cache: CorpusCache,
    latent: LatentFormat,
    on_step: Callable[[int, int, str], None] = lambda *_: None,
    seed: int = 3,
) -> Judge:
    """Fit on the clips of one kind in the training split, coloured and smeared at random."""
    draw = np.random.default_rng(seed)
    torch.manual_seed(seed)
    singles = [e for e in cache.entries if len(e.kinds) == 1]
    kinds = sorted({e.kinds[0] for e in singles})
    labels = torch.tensor([kinds.index(e.kinds[0]) for e in singles])
    ear = Ear(len(kinds), latent.mel_bands).train()
    optimiser = torch.optim.AdamW(ear.parameters(), lr=PEAK_RATE, weight_decay=0.02)
    steps = EPOCHS * (len(singles) // BATCH)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps)
    for step in range(steps):
        chosen = draw.integers(len(singles), size=BATCH)
        pictures = np.stack([_stretch(draw, cache, singles[int(i)], latent) for i in chosen])
        scores = ear(torch.from_numpy(pictures))
        loss = nn.functional.cross_entropy(scores, labels[chosen], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rate.step()
        on_step(step + 1, steps, f"loss {float(loss.detach()):.2f}")
    return Judge(kinds, ear.eval())


def _stretch(
    draw: np.random.Generator, cache: CorpusCache, entry: ClipEntry, latent: LatentFormat
) -> Floats:
    """A stretch of a clip as the judge sees it in training; short clips are followed by silence."""
    log_mel = unpack(cache.pack(entry), latent)
    first = int(draw.integers(0, max(1, len(log_mel) - STRETCH_FRAMES + 1)))
    log_mel = log_mel[first : first + STRETCH_FRAMES]
    tilt = np.linspace(-0.5, 0.5, latent.mel_bands) * draw.normal(0, TILT)
    moved = log_mel + tilt + draw.normal(0, SMEAR * draw.random(), log_mel.shape)
    floor = moved.max() - RANGE + draw.random() * FLOOR
    seen = picture(np.logaddexp(moved, floor).astype(np.float32))
    full = np.full((STRETCH_FRAMES, latent.mel_bands), seen.min(), dtype=np.float32)
    full[: len(seen)] = seen
    return full
