"""Stable Audio Open 1.0's networks as graphs: T5 and projection, DiT, Oobleck decoder.

Source: diffusers 0.42.1, `pipelines/stable_audio` and `CosineDPMSolverMultistepScheduler`.
"""

import math

import torch
from diffusers import StableAudioDiTModel, StableAudioPipeline, StableAudioProjectionModel
from diffusers.models.autoencoders.autoencoder_oobleck import Snake1d
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from torch import Tensor, nn

from export.graphs import (
    Graph,
    append_guided,
    guide,
    in_precision,
    pcm,
    strip_weight_norm,
    with_shared_weights,
)
from export.precision import FOR_GPUS, Precision
from tritone import tensors
from tritone.card import ModelCard


def text_encoder(pipeline: StableAudioPipeline, card: ModelCard) -> Graph:
    """Return the graph of T5, projection and time embedding."""
    kind = GuidedTextEncoder if card.guidance else TextEncoder
    module = kind(pipeline.text_encoder, pipeline.projection_model)
    return Graph(
        component="text_encoder",
        io=tensors.text_encoder(card),
        module=module,
        reference=module,
    )


def transformer(pipeline: StableAudioPipeline, card: ModelCard, precision: Precision) -> Graph:
    """Return the graph of one guided denoising step."""
    kind = GuidedTransformer if card.guidance else Transformer
    sigma_data = float(pipeline.scheduler.config.sigma_data)
    module = reference = kind(pipeline.transformer, card.max_frames, sigma_data)
    if precision in FOR_GPUS:
        half = in_precision(pipeline.transformer, precision)
        module = kind(half, card.max_frames, sigma_data)
        # In half precision neighbouring noise levels would become one.
        half.time_proj = nn.Identity()
        module.time_features = pipeline.transformer.time_proj
    return Graph(
        component="transformer", io=tensors.transformer(card), module=module, reference=reference
    )


def vae_decoder(pipeline: StableAudioPipeline, card: ModelCard) -> Graph:
    """Return the graph of the Oobleck decoder."""
    return Graph(
        component="vae_decoder",
        io=tensors.vae_decoder(card),
        module=VaeDecoder(fold(pipeline.vae.decoder)),
        reference=VaeDecoder(pipeline.vae.decoder),
    )


class TextEncoder(nn.Module):
    """Token ids and the time span to conditioning, for models without guidance."""

    def __init__(self, text_encoder: nn.Module, projection: StableAudioProjectionModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.projection = projection

    def texts(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return float32 [rows, prompt_tokens, conditioning_dim]; padding is zero."""
        # A row without any token would attend to nothing, and softmax over nothing is NaN.
        empty = 1 - attention_mask.amax(dim=1, keepdim=True)
        hidden = self.text_encoder(
            input_ids=input_ids, attention_mask=torch.maximum(attention_mask, empty)
        )[0]
        projected: Tensor = self.projection.text_projection(hidden)
        return projected * attention_mask.unsqueeze(-1).to(projected.dtype)

    def times(self, seconds_start: Tensor, seconds_end: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings of start and end: each float32 [batch, 1, conditioning_dim]."""
        start = self.projection.start_number_conditioner(seconds_start[:, 0])
        end = self.projection.end_number_conditioner(seconds_end[:, 0])
        return start, end

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, seconds_start: Tensor, seconds_end: Tensor
    ) -> tuple[Tensor, ...]:
        """Return conditioning [batch, tokens, dim] and global conditioning [batch, global_dim]."""
        start, end = self.times(seconds_start, seconds_end)
        text = self.texts(input_ids[:, 0], attention_mask[:, 0])
        return torch.cat([text, start, end], dim=1), torch.cat([start, end], dim=2)[:, 0]


class GuidedTextEncoder(TextEncoder):
    """Token ids of prompt and negative prompt, and the time span, to conditioning."""

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, seconds_start: Tensor, seconds_end: Tensor
    ) -> tuple[Tensor, ...]:
        """Return conditioning, negative conditioning and global conditioning."""
        start, end = self.times(seconds_start, seconds_end)
        rows, tokens = input_ids.shape[0], input_ids.shape[2]
        text = self.texts(input_ids.reshape(-1, tokens), attention_mask.reshape(-1, tokens))
        text = text.reshape(rows, 2, tokens, -1)
        # Without a negative prompt diffusers guides away from zeros, the seconds' tokens included.
        given = attention_mask[:, 1].amax(dim=1).reshape(-1, 1, 1).to(text.dtype)
        conditioning = torch.cat([text[:, 0], start, end], dim=1)
        negative = torch.cat([text[:, 1], start, end], dim=1) * given
        return conditioning, negative, torch.cat([start, end], dim=2)[:, 0]


class Transformer(nn.Module):
    """Noisy latents to denoised latents: the DiT with the scheduler's preconditioning inside."""

    cos: Tensor  # float32 [max_frames + 1, rotary dim]
    sin: Tensor

    def __init__(
        self, transformer: StableAudioDiTModel, max_frames: int, sigma_data: float
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.time_features: nn.Module = nn.Identity()  # of the time in float32
        self.sigma_data = sigma_data
        # The pipeline computes the rotary table at every call; here it is a constant, one longer
        # than the window because the DiT prepends the global token.
        cos, sin = get_1d_rotary_pos_embed(
            transformer.config.attention_head_dim // 2,
            max_frames + 1,
            use_real=True,
            repeat_interleave_real=False,
        )
        self.register_buffer("cos", cos.float(), persistent=False)
        self.register_buffer("sin", sin.float(), persistent=False)

    def velocity(
        self, latents: Tensor, sigma: Tensor, conditioning: Tensor, global_conditioning: Tensor
    ) -> Tensor:
        """Return the prediction: float32 [batch, latent_channels, latent_frames]."""
        dtype = self.transformer.dtype
        scale = torch.rsqrt(sigma * sigma + self.sigma_data**2).unsqueeze(-1)
        tokens = latents.shape[2] + 1
        prediction: Tensor = self.transformer(
            (latents * scale).to(dtype),
            self.time_features(torch.atan(sigma[:, 0]) * (2.0 / math.pi)).to(dtype),
            encoder_hidden_states=conditioning.to(dtype),
            global_hidden_states=global_conditioning.unsqueeze(1).to(dtype),
            rotary_embedding=(self.cos[:tokens], self.sin[:tokens]),
            return_dict=False,
        )[0]
        return prediction.float()

    def denoise(self, latents: Tensor, sigma: Tensor, velocity: Tensor) -> Tensor:
        """Return the denoised latents of a v-prediction."""
        level = sigma.unsqueeze(-1)
        power = level * level + self.sigma_data**2
        skip = self.sigma_data**2 / power
        return latents * skip - velocity * (level * self.sigma_data * torch.rsqrt(power))

    def forward(
        self, latents: Tensor, sigma: Tensor, conditioning: Tensor, global_conditioning: Tensor
    ) -> Tensor:
        """Return the denoised latents of one step."""
        velocity = self.velocity(latents, sigma, conditioning, global_conditioning)
        return self.denoise(latents, sigma, velocity)


class GuidedTransformer(Transformer):
    """The same with classifier-free guidance: a guided row is two inside, and one outside.

    `negative_conditioning` is of the guided rows only, which come first: a step of none costs half.
    """

    def forward(  # type: ignore[override]  # noqa: PLR0913, PLR0917  # as many as `io` has
        self,
        latents: Tensor,
        sigma: Tensor,
        guidance_scale: Tensor,
        conditioning: Tensor,
        negative_conditioning: Tensor,
        global_conditioning: Tensor,
    ) -> Tensor:
        """Return the denoised latents of one guided step."""
        guided = negative_conditioning.shape[0]
        velocities = self.velocity(
            append_guided(latents, guided),
            append_guided(sigma, guided),
            torch.cat([conditioning, negative_conditioning]),
            append_guided(global_conditioning, guided),
        )
        return self.denoise(latents, sigma, guide(velocities, guidance_scale))


class VaeDecoder(nn.Module):
    """Latents to PCM."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latents: Tensor) -> Tensor:
        """Return int16 [batch, audio_channels, samples]."""
        return pcm(self.decoder(latents))


class FoldedSnake(nn.Module):
    """The snake activation with its exponentials taken once: a third fewer nodes in the decoder."""

    alpha: Tensor  # float32 [1, channels, 1]
    inverse_beta: Tensor

    def __init__(self, snake: Snake1d) -> None:
        super().__init__()
        alpha, beta = snake.alpha.detach(), snake.beta.detach()
        if snake.logscale:
            alpha, beta = alpha.exp(), beta.exp()
        self.register_buffer("alpha", alpha.clone())
        self.register_buffer("inverse_beta", (beta + 1e-9).reciprocal())

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return x + sin²(alpha x) / beta."""
        wave = torch.sin(hidden_states * self.alpha)
        return hidden_states + self.inverse_beta * (wave * wave)


def fold(decoder: nn.Module) -> nn.Module:
    """Return the decoder with constant weights: no weight norm, no exponentials at run time."""
    strip_weight_norm(decoder)
    decoder = with_shared_weights(decoder)
    for module in list(decoder.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Snake1d):
                setattr(module, name, FoldedSnake(child))
    return decoder
