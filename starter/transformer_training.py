"""Training of the denoiser.

Velocity prediction on mel latents, text and seconds dropped now and then for guidance.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from starter.latents import LatentBatch, LatentSampler
from starter.networks import Condition, Denoiser
from starter.recipe import Recipe
from starter.text import tokens_of
from starter.training import LossLog, OnStep, Plan, Record, Trainee, train_by

FRAMES_BUDGET = 1200  # latent frames in one batch: 24 clips of 4 s
NOISE_CHANNEL_WEIGHT = 0.05  # the best guess there is zero, which is learned at once
CHECKPOINT = "transformer.pt"


@dataclass(frozen=True)
class Material:
    """What the training reads."""

    recipe: Recipe
    sampler: LatentSampler
    tokenizer: PreTrainedTokenizerFast


def train(
    trainee: Trainee[Denoiser], material: Material, plan: Plan, folder: Path, on_step: OnStep
) -> None:
    """Train until the budget is spent, saving into ``folder`` every few minutes."""
    log = LossLog(folder / "transformer_losses.jsonl")

    def loss_of(step: int) -> tuple[Tensor, dict[str, float]]:
        return training_loss(trainee.module, material, (plan.seed, step))

    train_by(loss_of, trainee, plan, Record(folder / CHECKPOINT, log, on_step))


def training_loss(
    denoiser: Denoiser, material: Material, seed: tuple[int, int]
) -> tuple[Tensor, dict[str, float]]:
    """Loss of one batch.

    All chance follows from ``seed`` (training seed, step), so any step can be repeated.
    """
    draw = np.random.default_rng(seed)
    torch.manual_seed(int(draw.integers(2**62)))
    batch = material.sampler.batch(draw, FRAMES_BUDGET)
    clean = with_noise_channels(torch.from_numpy(batch.mels), material.recipe)
    angle = draw_angles(len(clean), material.recipe)
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    noise = torch.randn_like(clean)
    target = cosine * noise - sine * clean

    cross, pooled = denoiser.encode(tokenize(batch, material))
    kept = torch.rand(len(clean), 1, 1) >= material.recipe.noise.drop_condition
    predicted = denoiser.velocity(cosine * clean + sine * noise, angle, (cross * kept, pooled))
    squared = (predicted - target).square()
    mel = squared[:, : material.recipe.latent.mel_channels].mean()
    entropy = squared[:, material.recipe.latent.mel_channels :].mean()
    return mel + NOISE_CHANNEL_WEIGHT * entropy, {
        "mel": float(mel.detach()),
        "noise": float(entropy.detach()),
    }


def with_noise_channels(mels: Tensor, recipe: Recipe) -> Tensor:
    """Complete the mel part [batch, mel channels, frames] with fresh noise channels."""
    noise = torch.randn(mels.shape[0], recipe.latent.noise_channels, mels.shape[2])
    return torch.cat([mels, noise], dim=1)


def draw_angles(count: int, recipe: Recipe) -> Tensor:
    """Noise levels as ``atan(sigma)`` [count].

    Log-normal sigma mixed with log-uniform high sigma, within the schedule's range.
    """
    schedule = recipe.noise
    low, high = float(np.log(schedule.sigma_min / 2)), float(np.log(schedule.sigma_max))
    normal = schedule.log_mean + schedule.log_std * torch.randn(count)
    uniform = torch.empty(count).uniform_(float(np.log(schedule.high_from)), high)
    log_sigma = torch.where(torch.rand(count) < schedule.high_share, uniform, normal)
    return torch.atan(torch.exp(log_sigma.clamp(low, high)))


def tokenize(batch: LatentBatch, material: Material) -> Condition:
    """Captions padded to the pipeline's fixed number of tokens, and seconds."""
    tokens = tokens_of(material.tokenizer, batch.captions, material.recipe.text)
    return Condition(tokens.input_ids, tokens.attention_mask, torch.from_numpy(batch.seconds))
