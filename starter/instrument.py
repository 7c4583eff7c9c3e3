"""The starter as something one can play: prompts and seconds in, waves out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderOobleck
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from tritone.pcm import limit_peak

from starter.assemble import load_denoiser, load_vae
from starter.latents import STATISTICS_FILE, Statistics, read_statistics
from starter.mel import Floats, unpack
from starter.networks import Condition, Denoiser
from starter.recipe import Recipe
from starter.sampler import Settings, sample, starting_noise
from starter.text import tokens_of


@dataclass(frozen=True)
class Order:
    """What to play: one prompt and one seed per row, one length for all."""

    prompts: list[str]
    seeds: list[int]
    seconds: float
    frames: int | None = None  # latent frames to generate; the next bucket by default


@dataclass(frozen=True)
class Player:
    """Text encoder and transformer: orders in, latents and their spectrograms out."""

    recipe: Recipe
    denoiser: Denoiser
    tokenizer: PreTrainedTokenizerFast
    measured: Statistics

    def latents(self, order: Order, settings: Settings) -> Tensor:
        """Generate latents [rows, channels, frames]."""
        noise = starting_noise(order.seeds, self.recipe.latent.channels, self._frames(order))
        return sample(self.denoiser, self._condition(order), noise, (self.recipe.noise, settings))

    def log_mels(self, latents: Tensor) -> list[Floats]:
        """The log-mel pictures [frames, bands] that latents stand for, before any vocoder."""
        kept = latents[:, : self.recipe.latent.mel_channels].transpose(1, 2).numpy()
        return [unpack(self.measured.restore(row), self.recipe.latent) for row in kept]

    def _frames(self, order: Order) -> int:
        if order.frames:
            return order.frames
        latent = self.recipe.latent
        exact = order.seconds * self.recipe.audio.sample_rate_hz / latent.hop_samples
        return int(np.ceil(exact / latent.bucket_frames)) * latent.bucket_frames

    def _condition(self, order: Order) -> Condition:
        tokens = tokens_of(self.tokenizer, order.prompts, self.recipe.text)
        seconds = torch.full((len(order.prompts),), float(order.seconds))
        return Condition(tokens.input_ids, tokens.attention_mask, seconds)


@dataclass(frozen=True)
class Instrument(Player):
    """A player with a vocoder, and therefore audible."""

    vae: AutoencoderOobleck

    @classmethod
    def load(cls, work: Path, recipe: Recipe) -> "Instrument":
        """Load whatever the trainings have saved last."""
        denoiser, tokenizer = load_denoiser(work, recipe)
        measured = read_statistics(work / STATISTICS_FILE)
        return cls(recipe, denoiser, tokenizer, measured, load_vae(work, recipe))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Floats:
        """Waves float32 [rows, samples], whole latent frames."""
        waves: Tensor = self.vae.decode(latents).sample
        return np.asarray(limit_peak(waves.numpy())[:, 0], dtype=np.float32)

    def play(self, order: Order, settings: Settings) -> Floats:
        """Generate waves float32 [rows, samples], cut to the seconds asked for."""
        samples = round(order.seconds * self.recipe.audio.sample_rate_hz)
        return self.decode(self.latents(order, settings))[:, :samples]
