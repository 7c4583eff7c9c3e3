"""ACE-Step's networks as graphs: Qwen3 and condition encoder, DiT, Oobleck in tiles.

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

from export.graphs import Graph, in_precision
from export.graphs_stable_audio import fold
from export.precision import Precision
from export.tiles import TiledDecoder
from tritone import tensors
from tritone.card import ModelCard
from tritone.pcm import FULL_SCALE, LEAST_PEAK, PEAK

REFERENCE_SECONDS = 30  # of the audio whose timbre is taken; here it is silence


def text_encoder(pipeline: AceStepPipeline, card: ModelCard) -> Graph:
    """Return the graph of Qwen3, the lyric encoder and the timbre of silence."""
    return Graph(
        component="text_encoder",
        io=tensors.text_encoder(card),
        module=TextEncoder(pipeline),
        reference=DiffusersTextEncoder(pipeline),
    )


def transformer(pipeline: AceStepPipeline, card: ModelCard, precision: Precision) -> Graph:
    """Return the graph of one denoising step."""
    silence = silence_of(pipeline, card.max_frames)
    exported = in_precision(pipeline.transformer, precision)
    # In half precision neighbouring times would be whole turns of their fastest features apart.
    exported.time_embed = pipeline.transformer.time_embed
    exported.time_embed_r = pipeline.transformer.time_embed_r
    return Graph(
        component="transformer",
        io=tensors.transformer(card),
        module=Transformer(exported, silence),
        reference=DiffusersTransformer(pipeline.transformer, silence),
        frame_multiple=pipeline.transformer.patch_size,
    )


def vae_decoder(pipeline: AceStepPipeline, card: ModelCard) -> Graph:
    """Return the graph of the Oobleck decoder, tile by tile."""
    overlap = card.spec.decoder_overlap_frames or 0
    tiles = TiledDecoder(fold(pipeline.vae.decoder), overlap, card.samples_per_frame)
    return Graph(
        component="vae_decoder",
        io=tensors.vae_decoder(card),
        module=VaeDecoder(tiles),
        reference=VaeDecoder(pipeline.vae.decoder),
    )


def silence_of(pipeline: AceStepPipeline, frames: int) -> Tensor:
    """Return the latents of silence, float32 [1, frames, channels]."""
    silence: Tensor = pipeline.condition_encoder.silence_latent[:, :frames]
    return silence


class TextEncoder(nn.Module):
    """Padded token ids of text and lyrics to conditioning."""

    timbre: Tensor  # float32 [1, 1, conditioning_dim]

    def __init__(self, pipeline: AceStepPipeline) -> None:
        super().__init__()
        self.text_encoder = pipeline.text_encoder
        self.text_projector = pipeline.condition_encoder.text_projector
        self.lyric_encoder = pipeline.condition_encoder.lyric_encoder
        self.register_buffer("timbre", _encode_silence(pipeline), persistent=False)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, lyric_ids: Tensor, lyric_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return conditioning float32 [batch, lyrics + 1 + text, dim] and its mask, int64.

        Where a token stands does not matter: cross attention knows no positions.
        """
        # Qwen3 looks back only, so that padding behind the text changes nothing before it.
        hidden = self.text_encoder(
            input_ids=input_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state
        text = self.text_projector(hidden)
        embedded = self.text_encoder.get_input_embeddings()(lyric_ids)
        lyrics = self.lyric_encoder(inputs_embeds=embedded, attention_mask=lyric_mask.bool())
        timbre = self.timbre.expand(lyrics.shape[0], -1, -1)
        heard = torch.ones_like(attention_mask[:, :1])
        return (
            torch.cat([lyrics, timbre, text], dim=1),
            torch.cat([lyric_mask, heard, attention_mask], dim=1),
        )


def _encode_silence(pipeline: AceStepPipeline) -> Tensor:
    frames = int(REFERENCE_SECONDS * pipeline.latents_per_second)
    silence = pipeline.condition_encoder.silence_latent[:, :frames]
    with torch.no_grad():
        timbre: Tensor = pipeline.condition_encoder.timbre_encoder(
            silence, torch.zeros(1, dtype=torch.long)
        )[0]
    return timbre


class DiffusersTextEncoder(nn.Module):
    """What diffusers makes of each row without its padding, laid out as `TextEncoder` does it."""

    def __init__(self, pipeline: AceStepPipeline) -> None:
        super().__init__()
        self.ours = TextEncoder(pipeline)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, lyric_ids: Tensor, lyric_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return conditioning and mask; masked tokens are those of the padded run."""
        conditioning, mask = self.ours(input_ids, attention_mask, lyric_ids, lyric_mask)
        encoder = self.ours.text_encoder
        for row in range(len(input_ids)):
            text = input_ids[row : row + 1, attention_mask[row].bool()]
            lyrics = lyric_ids[row : row + 1, lyric_mask[row].bool()]
            hidden = self.ours.text_projector(encoder(input_ids=text).last_hidden_state)
            sung = self.ours.lyric_encoder(
                inputs_embeds=encoder.get_input_embeddings()(lyrics),
                attention_mask=torch.ones_like(lyrics).bool(),
            )
            conditioning[row, mask[row].bool()] = torch.cat(
                [sung[0], self.ours.timbre[0], hidden[0]]
            )
        return conditioning, mask


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
        self, latents: Tensor, sigma: Tensor, conditioning: Tensor, conditioning_mask: Tensor
    ) -> Tensor:
        """Return the prediction: float32 [batch, latent_channels, latent_frames]."""
        dit, dtype = self.transformer, self.transformer.dtype
        temb, projected = (each.to(dtype) for each in self._embed_time(sigma[:, 0]))
        hidden = self._join_context(latents.transpose(1, 2)).to(dtype)
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

    def _join_context(self, latents: Tensor) -> Tensor:
        # Silence where there is no source, and a mask that says: make everything.
        silence = self.silence[:, : latents.shape[1]].expand(latents.shape[0], -1, -1)
        return torch.cat([silence, torch.ones_like(silence), latents], dim=-1)

    def forward(
        self, latents: Tensor, sigma: Tensor, conditioning: Tensor, conditioning_mask: Tensor
    ) -> Tensor:
        """Return the denoised latents of one step."""
        velocity = self.velocity(latents, sigma, conditioning, conditioning_mask)
        return latents - sigma.unsqueeze(-1) * velocity


class DiffusersTransformer(nn.Module):
    """The denoised latents of diffusers' own transformer, row by row, without padding."""

    silence: Tensor

    def __init__(self, transformer: AceStepTransformer1DModel, silence: Tensor) -> None:
        super().__init__()
        self.transformer = transformer
        self.register_buffer("silence", silence, persistent=False)

    def forward(
        self, latents: Tensor, sigma: Tensor, conditioning: Tensor, conditioning_mask: Tensor
    ) -> Tensor:
        """Return the denoised latents of one step."""
        silence = self.silence[:, : latents.shape[2]]
        context = torch.cat([silence, torch.ones_like(silence)], dim=-1)
        velocities = [
            self.transformer(
                latents[row : row + 1].transpose(1, 2),
                sigma[row],
                sigma[row],
                conditioning[row : row + 1, conditioning_mask[row].bool()],
                context,
                return_dict=False,
            )[0]
            for row in range(len(latents))
        ]
        velocity = torch.cat(velocities).transpose(1, 2)
        return latents - sigma.unsqueeze(-1) * velocity


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
