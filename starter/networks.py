"""The networks of the checkpoint, built from the recipe with random weights."""

from dataclasses import dataclass

import torch
from diffusers import AutoencoderOobleck, StableAudioDiTModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from torch import Tensor, nn
from transformers import T5Config, T5EncoderModel

from starter.recipe import Recipe


def build_vae(recipe: Recipe) -> AutoencoderOobleck:
    """The autoencoder whose decoder is the vocoder.

    Its encoder is a stub of minimal width: text-to-audio never encodes, and log-mel latents need no
    trained encoder.
    """
    return AutoencoderOobleck(
        encoder_hidden_size=2,
        downsampling_ratios=list(recipe.vocoder.downsampling_ratios),
        channel_multiples=list(recipe.vocoder.channel_multiples),
        decoder_channels=recipe.vocoder.decoder_channels,
        decoder_input_channels=recipe.latent.channels,
        audio_channels=recipe.audio.channels,
        sampling_rate=recipe.audio.sample_rate_hz,
    )


@torch.no_grad()
def _strengthen_text(transformer: StableAudioDiTModel) -> None:
    """Let the text be heard from the first step.

    With torch's usual weights what cross-attention adds is 1/170 of the hidden states (most of its
    tokens are padding), and after 2,000 steps every prompt still sounded alike.
    """
    transformer.cross_attention_proj[-1].weight.mul_(6.0)
    for block in transformer.transformer_blocks:
        block.attn2.to_v.weight.mul_(3.0)
        block.attn2.to_out[0].weight.mul_(3.0)


@dataclass(frozen=True)
class Condition:
    """What a batch of sounds is asked to be."""

    token_ids: Tensor  # int64 [batch, tokens]
    token_mask: Tensor  # int64 [batch, tokens]
    seconds: Tensor  # float32 [batch]


class Denoiser(nn.Module):
    """Text encoder, conditioning and transformer together.

    Everything the diffusion training learns.
    """

    def __init__(self, recipe: Recipe, vocabulary: int) -> None:
        super().__init__()
        text, sizes = recipe.text, recipe.transformer
        self.text_encoder = T5EncoderModel(
            T5Config(
                vocab_size=vocabulary,
                d_model=text.width,
                d_kv=text.width // text.heads,
                d_ff=text.feed_forward,
                num_layers=text.layers,
                num_heads=text.heads,
                feed_forward_proj="gated-gelu",
                is_encoder_decoder=False,
                use_cache=False,
                pad_token_id=0,
                eos_token_id=1,
            )
        )
        self.projection_model = StableAudioProjectionModel(
            text_encoder_dim=text.width,
            conditioning_dim=text.width,
            min_value=0,
            max_value=sizes.longest_seconds,
        )
        self.transformer = StableAudioDiTModel(
            sample_size=recipe.latent.window_frames,
            in_channels=recipe.latent.channels,
            out_channels=recipe.latent.channels,
            num_layers=sizes.layers,
            attention_head_dim=sizes.head_width,
            num_attention_heads=sizes.heads,
            num_key_value_attention_heads=sizes.key_value_heads,
            cross_attention_dim=sizes.key_value_heads * sizes.head_width,
            cross_attention_input_dim=text.width,
            global_states_input_dim=2 * text.width,
        )
        nn.init.zeros_(self.transformer.proj_out.weight)
        _strengthen_text(self.transformer)
        self._rotary_width = sizes.head_width // 2

    def encode(self, condition: Condition) -> tuple[Tensor, Tensor]:
        """Cross-attention tokens [batch, tokens + 2, width], global embedding [batch, 1, 2 width].

        The same arithmetic as ``StableAudioPipeline``: padded tokens are zero, then the start and
        end of the sound.
        """
        hidden = self.text_encoder(condition.token_ids, attention_mask=condition.token_mask)[0]
        projected = self.projection_model(
            hidden, torch.zeros_like(condition.seconds), condition.seconds
        )
        text = projected.text_hidden_states * condition.token_mask.unsqueeze(-1)
        start, end = projected.seconds_start_hidden_states, projected.seconds_end_hidden_states
        return torch.cat([text, start, end], dim=1), torch.cat([start, end], dim=2)

    def velocity(self, scaled: Tensor, angle: Tensor, encoded: tuple[Tensor, Tensor]) -> Tensor:
        """Velocity [batch, channels, frames] from ``x / sqrt(sigma^2 + 1)`` and ``atan(sigma)``."""
        rotary = get_1d_rotary_pos_embed(
            self._rotary_width, scaled.shape[2] + 1, use_real=True, repeat_interleave_real=False
        )
        out: Tensor = self.transformer(
            scaled,
            angle * (2 / torch.pi),
            encoder_hidden_states=encoded[0],
            global_hidden_states=encoded[1],
            rotary_embedding=rotary,
            return_dict=False,
        )[0]
        return out
