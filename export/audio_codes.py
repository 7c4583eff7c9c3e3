"""Audio codes as what a song follows: their decoder, as a part of ACE-Step's text encoder.

Source: diffusers 0.42.1, `AceStepPipeline.prepare_src_latents`.
"""

from typing import Self

import torch
from diffusers import AceStepPipeline
from diffusers.pipelines.ace_step.modeling_ace_step import (
    AceStepAudioTokenDetokenizer,
    AceStepAudioTokenizer,
)
from torch import Tensor, nn

from tritone.card import ModelCard


class SourceMaker(nn.Module):
    """Padded ids of codes to latents, and silence behind the last code."""

    silence: Tensor  # float32 [1, max_frames, latent_channels]

    def __init__(
        self,
        tokenizer: AceStepAudioTokenizer,
        detokenizer: AceStepAudioTokenDetokenizer,
        silence: Tensor,
    ) -> None:
        super().__init__()
        self.quantizer = tokenizer.quantizer
        self.detokenizer = detokenizer
        self.register_buffer("silence", silence, persistent=False)

    @classmethod
    def of(cls, pipeline: AceStepPipeline, card: ModelCard) -> Self | None:
        """Return that of a pipeline, or None: it knows no codes."""
        if not card.audio_codes:
            return None
        silence = pipeline.condition_encoder.silence_latent[:, : card.max_frames]
        return cls(pipeline.audio_tokenizer, pipeline.audio_token_detokenizer, silence)

    def forward(self, code_ids: Tensor, code_mask: Tensor) -> Tensor:
        """Return float32 [batch, codes * frames_per_code, latent_channels] of int64 [batch, codes].

        Every code is decoded by itself, so that padding changes none before it.
        """
        # Only the first quantizer has codes that can be asked for.
        others = [torch.zeros_like(code_ids)] * (self.quantizer.num_quantizers - 1)
        indices = torch.stack([code_ids, *others], dim=-1)
        latents = self.detokenizer(self.quantizer.get_output_from_indices(indices))
        each = self.detokenizer.pool_window_size
        is_said = code_mask.bool().unsqueeze(-1).expand(-1, -1, each)
        is_said = is_said.reshape(code_ids.shape[0], -1, 1)
        return torch.where(is_said, latents, self.silence[:, : latents.shape[1]])
