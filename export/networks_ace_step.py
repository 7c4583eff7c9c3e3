"""ACE-Step's networks as they are exported: Qwen3 and condition encoder, DiT, Oobleck in tiles.

Source: diffusers 0.42.1, `pipelines/ace_step` and `models/transformers/ace_step_transformer.py`.
diffusers pads no sequence of a single song. Here texts are padded, and the padding is masked: the
result is the same, and songs of different lyrics can share a step.
"""

import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel
from diffusers.models.transformers.ace_step_transformer import (
    _ace_step_rotary_freqs,
    _create_4d_mask,
)
from torch import Tensor, nn

from export.audio_codes import SourceMaker
from export.graphs import append_guided
from export.projected_guidance import project
from tritone.pcm import FULL_SCALE, LEAST_PEAK, PEAK

REFERENCE_SECONDS = 30  # of the audio whose timbre is taken; here it is silence


class TextEncoder(nn.Module):
    """Padded token ids of text and lyrics to conditioning."""

    timbre: Tensor  # float32 [1, 1, conditioning_dim]

    def __init__(self, pipeline: AceStepPipeline, source: SourceMaker | None = None) -> None:
        super().__init__()
        self.source = source
        self.text_encoder = pipeline.text_encoder
        self.text_projector = pipeline.condition_encoder.text_projector
        self.lyric_encoder = pipeline.condition_encoder.lyric_encoder
        self.register_buffer("timbre", _encode_silence(pipeline), persistent=False)

    def forward(  # noqa: PLR0913, PLR0917  # as many as `io` has
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        lyric_ids: Tensor,
        lyric_mask: Tensor,
        code_ids: Tensor | None = None,
        code_mask: Tensor | None = None,
        other_ids: Tensor | None = None,
        other_mask: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Return conditioning float32 [batch, lyrics + 1 + text, dim] and its mask, int64.

        Where a token stands does not matter: cross attention knows no positions. With codes, what
        they stand for comes third, [batch, source_frames, latent_channels], and then the mask that
        lets the other text be heard.
        """
        text = self._read(input_ids, attention_mask)
        embedded = self.text_encoder.get_input_embeddings()(lyric_ids)
        lyrics = self.lyric_encoder(inputs_embeds=embedded, attention_mask=lyric_mask.bool())
        timbre = self.timbre.expand(lyrics.shape[0], -1, -1)
        heard = torch.ones_like(attention_mask[:, :1])
        said = [lyric_mask, heard]
        if self.source is None or other_ids is None or other_mask is None:
            return torch.cat([lyrics, timbre, text], dim=1), torch.cat(
                [*said, attention_mask], dim=1
            )
        # One sequence of both texts: which of them is heard is a matter of the mask.
        other = self._read(other_ids, other_mask)
        neither = torch.zeros_like(attention_mask)
        return (
            torch.cat([lyrics, timbre, text, other], dim=1),
            torch.cat([*said, attention_mask, neither], dim=1),
            self.source(code_ids, code_mask),
            torch.cat([*said, neither, other_mask], dim=1),
        )

    def _read(self, ids: Tensor, mask: Tensor) -> Tensor:
        # Qwen3 looks back only, so that padding behind the text changes nothing before it.
        hidden = self.text_encoder(input_ids=ids, attention_mask=mask, use_cache=False)
        text: Tensor = self.text_projector(hidden.last_hidden_state)
        return text


def _encode_silence(pipeline: AceStepPipeline) -> Tensor:
    frames = int(REFERENCE_SECONDS * pipeline.latents_per_second)
    silence = pipeline.condition_encoder.silence_latent[:, :frames]
    with torch.no_grad():
        timbre: Tensor = pipeline.condition_encoder.timbre_encoder(
            silence, torch.zeros(1, dtype=torch.long)
        )[0]
    return timbre


class Transformer(nn.Module):
    """Noisy latents to denoised latents: the DiT, with a mask of its conditioning.

    diffusers' own forward takes none; this one is it otherwise, for whole patches.
    """

    silence: Tensor  # float32 [1, max_frames, latent_channels]
    cos: Tensor  # float32 [patches, head_dim]
    sin: Tensor

    def __init__(self, transformer: AceStepTransformer1DModel, silence: Tensor) -> None:
        super().__init__()
        self.transformer = transformer
        self.register_buffer("silence", silence, persistent=False)
        patches = -(-silence.shape[1] // transformer.patch_size)
        cos, sin = _ace_step_rotary_freqs(
            patches, transformer.head_dim, transformer.rope_theta, silence.device, torch.float32
        )
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def velocity(
        self,
        latents: Tensor,
        sigma: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        source: Tensor | None = None,
    ) -> Tensor:
        """Return the prediction: float32 [batch, latent_channels, latent_frames]."""
        dit, dtype = self.transformer, self.transformer.dtype
        temb, projected = (each.to(dtype) for each in self._embed_time(sigma[:, 0]))
        hidden = self._join_context(latents.transpose(1, 2), source).to(dtype)
        hidden = dit.proj_in_conv(hidden.transpose(1, 2)).transpose(1, 2)
        patches = hidden.shape[1]
        rotary = self.cos[:patches].to(dtype), self.sin[:patches].to(dtype)
        near = _create_4d_mask(
            patches,
            dtype,
            hidden.device,
            sliding_window=dit.config.sliding_window,
            is_sliding_window=True,
            is_causal=False,
        )
        is_padding = (conditioning_mask == 0)[:, None, None]
        heard = torch.zeros_like(is_padding, dtype=dtype).masked_fill(
            is_padding, torch.finfo(dtype).min
        )
        context = dit.condition_embedder(conditioning.to(dtype))
        for layer, kind in zip(dit.layers, dit.layer_types, strict=True):
            mask = near if kind == "sliding_attention" else None
            hidden = layer(hidden, rotary, projected, mask, context, heard)
        table = dit.scale_shift_table + temb.unsqueeze(1)
        hidden = dit.norm_out(hidden) * (1 + table[:, 1:]) + table[:, :1]
        prediction: Tensor = dit.proj_out_conv(hidden.to(dtype).transpose(1, 2))
        return prediction.float()

    def _embed_time(self, time: Tensor) -> tuple[Tensor, Tensor]:
        temb, projected = self.transformer.time_embed(time)
        temb_r, projected_r = self.transformer.time_embed_r(torch.zeros_like(time))
        return temb + temb_r, projected + projected_r

    def _join_context(self, latents: Tensor, source: Tensor | None) -> Tensor:
        # Silence where there is no source, and a mask that says: make everything.
        context = follow(self.silence[:, : latents.shape[1]], source)
        context = context.expand(latents.shape[0], -1, -1)
        return torch.cat([context, torch.ones_like(context), latents], dim=-1)

    def forward(
        self,
        latents: Tensor,
        sigma: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        source: Tensor | None = None,
    ) -> Tensor:
        """Return the denoised latents of one step."""
        velocity = self.velocity(latents, sigma, conditioning, conditioning_mask, source)
        return latents - sigma.unsqueeze(-1) * velocity


def follow(silence: Tensor, source: Tensor | None) -> Tensor:
    """Return what a song of some frames follows, and silence behind its end.

    Args:
        silence: float32 [1, latent_frames, latent_channels].
        source: None, or float32 [batch, source_frames, latent_channels]; it may be longer.
    """
    if source is None:
        return silence
    at = torch.arange(silence.shape[1])
    is_inside = at < source.shape[1]
    near = source.index_select(1, torch.where(is_inside, at, torch.zeros_like(at)))
    return torch.where(is_inside[None, :, None], near, silence)


class GuidedTransformer(Transformer):
    """The same with adaptive projected guidance, away from no text at all.

    A guided row is two inside; guided rows come first, and each has a momentum.
    """

    nobody: Tensor  # float32 [1, 1, conditioning_dim]

    def __init__(
        self, transformer: AceStepTransformer1DModel, silence: Tensor, nobody: Tensor
    ) -> None:
        super().__init__(transformer, silence)
        self.register_buffer("nobody", nobody, persistent=False)

    def forward(  # type: ignore[override]  # noqa: PLR0913, PLR0917  # as many as `io` has
        self,
        latents: Tensor,
        sigma: Tensor,
        guidance_scale: Tensor,
        momentum: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        source: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the denoised latents of one step, and the momentum of its guided rows."""
        guided = momentum.shape[0]
        nobody = self.nobody.expand(guided, conditioning.shape[1], -1)
        velocities = self.velocity(
            append_guided(latents, guided),
            append_guided(sigma, guided),
            torch.cat([conditioning, nobody]),
            append_guided(conditioning_mask, guided),
            None if source is None else append_guided(source, guided),
        )
        velocity, momentum = project(velocities, guidance_scale, momentum)
        return latents - sigma.unsqueeze(-1) * velocity, momentum


class VaeDecoder(nn.Module):
    """Latents to PCM at -1 dBFS."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latents: Tensor) -> Tensor:
        """Return int16 [batch, audio_channels, samples]."""
        sound: Tensor = self.decoder(latents).float()
        peak = sound.abs().amax(dim=(1, 2), keepdim=True).clamp(min=LEAST_PEAK)
        return (sound * (PEAK / peak) * FULL_SCALE).round().to(torch.int16)
