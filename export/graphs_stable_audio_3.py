"""Stable Audio 3's networks as graphs: T5Gemma and duration, differential DiT, SAME decoder.

Source: diffusers 0.42.1, `pipelines/stable_audio_3` and `FlowMatchEulerDiscreteScheduler`.
"""

import math

import torch
from diffusers import AutoencoderSAME, StableAudio3DiTModel, StableAudio3Pipeline
from diffusers.models.transformers.transformer_stable_audio3 import (
    StableAudio3ExpoFourierFeatures,
)
from torch import Tensor, nn

from export.banded_attention import use_banded_attention
from export.graphs import (
    Graph,
    append_guided,
    guide,
    in_precision,
    pcm,
    strip_weight_norm,
    with_shared_weights,
)
from export.precision import Precision
from tritone import tensors
from tritone.card import ModelCard


def text_encoder(pipeline: StableAudio3Pipeline, card: ModelCard) -> Graph:
    """Return the graph of T5Gemma and the duration embedding."""
    kind = GuidedTextEncoder if card.guidance else TextEncoder
    module = kind(pipeline.text_encoder, pipeline.duration_embedder)
    return Graph(
        component="text_encoder", io=tensors.text_encoder(card), module=module, reference=module
    )


def transformer(pipeline: StableAudio3Pipeline, card: ModelCard, precision: Precision) -> Graph:
    """Return the graph of one denoising step, guided or not."""
    kind = GuidedTransformer if card.guidance else Transformer
    time_scale = float(pipeline.scheduler.config.num_train_timesteps)
    exported = in_precision(pipeline.transformer, precision)
    exported.timestep_features = TimeFeatures(pipeline.transformer.timestep_features)
    return Graph(
        component="transformer",
        io=tensors.transformer(card),
        module=kind(exported, time_scale),
        reference=kind(pipeline.transformer, time_scale),
    )


def vae_decoder(pipeline: StableAudio3Pipeline, card: ModelCard) -> Graph:
    """Return the graph of the SAME decoder."""
    strip_weight_norm(pipeline.vae)
    banded = with_shared_weights(pipeline.vae)
    banded.encoder = nn.Identity()  # half of the weights, of no use here
    use_banded_attention(banded)
    return Graph(
        component="vae_decoder",
        io=tensors.vae_decoder(card),
        module=VaeDecoder(banded),
        reference=VaeDecoder(pipeline.vae),
    )


class TextEncoder(nn.Module):
    """Token ids and the duration to conditioning, for the distilled checkpoints."""

    def __init__(self, text_encoder: nn.Module, duration_embedder: nn.Module) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.duration_embedder = duration_embedder

    def context(
        self, input_ids: Tensor, attention_mask: Tensor, duration: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return conditioning float32 [rows, tokens, dim] and its mask int64 [rows, tokens]."""
        hidden = self.text_encoder(input_ids, attention_mask=attention_mask)[0]
        mask = torch.cat([attention_mask, torch.ones_like(attention_mask[:, :1])], dim=1)
        return torch.cat([hidden, duration.unsqueeze(1)], dim=1), mask

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, seconds_start: Tensor, seconds_end: Tensor
    ) -> tuple[Tensor, ...]:
        """Return conditioning, its mask, and global conditioning [batch, global_dim]."""
        duration = self.duration_embedder(seconds_end[:, 0])
        return *self.context(input_ids[:, 0], attention_mask[:, 0], duration), duration


class GuidedTextEncoder(TextEncoder):
    """Token ids of prompt and negative prompt, and the duration, to conditioning."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, seconds_start: Tensor, seconds_end: Tensor
    ) -> tuple[Tensor, ...]:
        """Return conditioning, mask, negative conditioning, its mask, and global conditioning."""
        duration = self.duration_embedder(seconds_end[:, 0])
        texts = torch.cat([input_ids[:, 0], input_ids[:, 1]])
        masks = torch.cat([attention_mask[:, 0], attention_mask[:, 1]])
        context, mask = self.context(texts, masks, torch.cat([duration, duration]))
        batch = input_ids.shape[0]
        return context[:batch], mask[:batch], context[batch:], mask[batch:], duration


class TimeFeatures(nn.Module):
    """The Fourier features of the time with their frequencies, up to 10 kHz, as constants.

    Computed in the graph they differ from PyTorch's in the last bit, which the fastest features
    turn into a phase that is off by 0.01.
    """

    frequencies: Tensor  # float32 [dim / 2]

    def __init__(self, features: StableAudio3ExpoFourierFeatures) -> None:
        super().__init__()
        low, high = math.log(features.min_freq), math.log(features.max_freq)
        ramp = torch.linspace(0.0, 1.0, features.dim // 2)
        self.register_buffer("frequencies", torch.exp(ramp * (high - low) + low))

    def forward(self, timestep: Tensor) -> Tensor:
        """Return float32 [batch, dim] for a time float32 [batch, 1]."""
        angles = timestep * self.frequencies * 2.0 * math.pi
        return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


class Transformer(nn.Module):
    """Noisy latents to denoised latents: the DiT, whose velocity points from data to noise."""

    def __init__(self, transformer: StableAudio3DiTModel, time_scale: float) -> None:
        super().__init__()
        self.transformer = transformer
        self.time_scale = time_scale

    def velocity(
        self,
        latents: Tensor,
        sigma: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        global_conditioning: Tensor,
    ) -> Tensor:
        """Return the prediction: float32 [batch, latent_channels, latent_frames]."""
        dtype = self.transformer.dtype
        prediction: Tensor = self.transformer(
            latents.to(dtype),
            sigma[:, 0] * self.time_scale,
            encoder_hidden_states=conditioning.to(dtype),
            global_hidden_states=global_conditioning.to(dtype),
            encoder_attention_mask=conditioning_mask,
            return_dict=False,
        )[0]
        return prediction.float()

    def forward(
        self,
        latents: Tensor,
        sigma: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        global_conditioning: Tensor,
    ) -> Tensor:
        """Return the denoised latents of one step."""
        velocity = self.velocity(
            latents, sigma, conditioning, conditioning_mask, global_conditioning
        )
        return latents - sigma.unsqueeze(-1) * velocity


class GuidedTransformer(Transformer):
    """The same with classifier-free guidance: a guided row is two inside, and one outside.

    What is negative is of the guided rows only, which come first: a step of none costs half.
    """

    def forward(  # type: ignore[override]  # noqa: PLR0913, PLR0917  # as many as `io` has
        self,
        latents: Tensor,
        sigma: Tensor,
        guidance_scale: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        negative_conditioning: Tensor,
        negative_conditioning_mask: Tensor,
        global_conditioning: Tensor,
    ) -> Tensor:
        """Return the denoised latents of one guided step."""
        guided = negative_conditioning.shape[0]
        velocities = self.velocity(
            append_guided(latents, guided),
            append_guided(sigma, guided),
            torch.cat([conditioning, negative_conditioning]),
            torch.cat([conditioning_mask, negative_conditioning_mask]),
            append_guided(global_conditioning, guided),
        )
        return latents - sigma.unsqueeze(-1) * guide(velocities, guidance_scale)


class VaeDecoder(nn.Module):
    """Latents to PCM."""

    def __init__(self, vae: AutoencoderSAME) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latents: Tensor) -> Tensor:
        """Return int16 [batch, audio_channels, samples]."""
        return pcm(self.vae.decode(latents, return_dict=False)[0])
