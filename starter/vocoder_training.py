"""Training of the vocoder: the Oobleck decoder from latents to waves under spectral distances."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDecoder
from torch import Tensor

from starter.corpus.cache import ClipEntry, CorpusCache
from starter.latents import Statistics
from starter.mel import Floats, silence
from starter.recipe import LatentFormat
from starter.spectral import energy_distance, mel_difference
from starter.training import LossLog, OnStep, Plan, Record, Trainee, train_by

CHECKPOINT = "vocoder.pt"
ROWS = 6
SEGMENT_FRAMES = 9
MARGIN_FRAMES = 2  # at both ends, decoded but not compared
BLUR = 0.12  # latents from the transformer are not exact: up to this much noise is added to them
MEL_WEIGHT = 1.5


@dataclass(frozen=True)
class VocoderMaterial:
    """What the training reads."""

    latent: LatentFormat
    cache: CorpusCache
    measured: Statistics


def train(
    trainee: Trainee[OobleckDecoder],
    material: VocoderMaterial,
    plan: Plan,
    folder: Path,
    on_step: OnStep,
) -> None:
    """Train until the budget is spent, saving into ``folder`` every few minutes."""
    log = LossLog(folder / "vocoder_losses.jsonl")

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        return training_loss(trainee.module, material, (plan.seed, step))

    train_by(loss_of, trainee, plan, Record(folder / CHECKPOINT, log, on_step))


def training_loss(
    decoder: OobleckDecoder, material: VocoderMaterial, seed: tuple[int, int]
) -> tuple[Tensor, dict[str, float]]:
    """Loss of one batch: each segment is rendered twice with different noise channels."""
    draw = np.random.default_rng(seed)
    torch.manual_seed(int(draw.integers(2**62)))
    mels, waves = draw_segments(draw, material)
    mels = mels + torch.randn_like(mels) * torch.rand(len(mels), 1, 1) * BLUR
    noise = torch.randn(2 * len(mels), material.latent.noise_channels, mels.shape[2])
    made = decoder(torch.cat([mels.repeat(2, 1, 1), noise], dim=1))[:, 0]
    edge = MARGIN_FRAMES * material.latent.hop_samples
    made, target = made[:, edge:-edge], waves[:, edge:-edge]
    one, other = made[: len(target)], made[len(target) :]
    energy = energy_distance((one, other), target)
    mel = mel_difference(made, target.repeat(2, 1), material.latent)
    return energy + MEL_WEIGHT * mel, {"energy": float(energy.detach()), "mel": float(mel.detach())}


def draw_segments(draw: np.random.Generator, material: VocoderMaterial) -> tuple[Tensor, Tensor]:
    """Random stretches: normalised mels [rows, mel channels, frames], waves [rows, samples]."""
    frames = SEGMENT_FRAMES + 2 * MARGIN_FRAMES
    pieces = [_segment(draw, material, frames) for _ in range(ROWS)]
    mels = torch.from_numpy(np.stack([mel for mel, _ in pieces]))
    return mels, torch.from_numpy(np.stack([wave for _, wave in pieces]))


def _segment(
    draw: np.random.Generator, material: VocoderMaterial, frames: int
) -> tuple[Floats, Floats]:
    """One stretch; clips are surrounded by silence, and stretches of pure silence are avoided."""
    latent, cache = material.latent, material.cache
    entry: ClipEntry = cache.entries[int(draw.integers(len(cache.entries)))]
    first = int(draw.integers(-frames // 3, max(1, entry.frames - frames * 2 // 3)))
    mel = np.full((frames, latent.packed_values), silence(latent), dtype=np.float32)
    wave = np.zeros((frames, latent.hop_samples), dtype=np.float32)
    skip, stop = max(0, -first), min(frames, entry.frames - first)
    source = slice(entry.first_frame + first + skip, entry.first_frame + first + stop)
    mel[skip:stop] = cache.mels[source]
    wave[skip:stop] = cache.waves.reshape(-1, latent.hop_samples)[source]
    return material.measured.normalise(mel).T, wave.reshape(-1)
