"""ACE-Step's networks as diffusers computes them, song by song: what ours are compared with.

Source: diffusers 0.42.1, `pipelines/ace_step` and `models/transformers/ace_step_transformer.py`.
"""

import torch
from diffusers import AceStepPipeline, AceStepTransformer1DModel
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance
from torch import Tensor, nn

from export.audio_codes import SourceMaker
from export.networks_ace_step import TextEncoder, follow
from export.projected_guidance import MAX_NORM, MOMENTUM


class DiffusersTextEncoder(nn.Module):
    """What diffusers makes of each row without its padding, laid out as `TextEncoder` does it."""

    def __init__(self, pipeline: AceStepPipeline, source: SourceMaker | None = None) -> None:
        super().__init__()
        self.ours = TextEncoder(pipeline, source)
        self.pipeline = pipeline

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
        """Return conditioning and mask; masked tokens are those of the padded run."""
        conditioning, mask, *following = self.ours(
            *(input_ids, attention_mask, lyric_ids, lyric_mask),
            *(code_ids, code_mask, other_ids, other_mask),
        )
        for row in range(len(input_ids)):
            text = self._read(input_ids[row : row + 1, attention_mask[row].bool()])
            sung = self._sing(lyric_ids[row : row + 1, lyric_mask[row].bool()])
            heard = torch.cat([sung, self.ours.timbre[0], text])
            conditioning[row, mask[row].bool()] = heard
            if other_ids is not None and other_mask is not None:
                other = self._read(other_ids[row : row + 1, other_mask[row].bool()])
                heard = torch.cat([sung, self.ours.timbre[0], other])
                conditioning[row, following[1][row].bool()] = heard
        if code_ids is not None and code_mask is not None:
            self._follow(following[0], code_ids, code_mask)
        return conditioning, mask, *following

    def _read(self, ids: Tensor) -> Tensor:
        hidden = self.ours.text_encoder(input_ids=ids).last_hidden_state
        text: Tensor = self.ours.text_projector(hidden)[0]
        return text

    def _sing(self, ids: Tensor) -> Tensor:
        sung: Tensor = self.ours.lyric_encoder(
            inputs_embeds=self.ours.text_encoder.get_input_embeddings()(ids),
            attention_mask=torch.ones_like(ids).bool(),
        )[0]
        return sung

    def _follow(self, source: Tensor, ids: Tensor, mask: Tensor) -> None:
        for row in range(len(ids)):
            n_codes = int(mask[row].sum())
            if n_codes:
                latents, n_frames = self.pipeline.prepare_src_latents(
                    device=torch.device("cpu"),
                    dtype=torch.float32,
                    audio_codes="".join(
                        f"<|audio_code_{each}|>" for each in ids[row, :n_codes].tolist()
                    ),
                )
                source[row, :n_frames] = latents[0]


class DiffusersTransformer(nn.Module):
    """The denoised latents of diffusers' own transformer, row by row, without padding."""

    silence: Tensor

    def __init__(self, transformer: AceStepTransformer1DModel, silence: Tensor) -> None:
        super().__init__()
        self.transformer = transformer
        self.register_buffer("silence", silence, persistent=False)

    def velocity(
        self, latents: Tensor, sigma: Tensor, heard: Tensor, source: Tensor | None
    ) -> Tensor:
        """Return the velocity of one row: float32 [1, latent_frames, latent_channels]."""
        context = follow(self.silence[:, : latents.shape[2]], source)
        found: Tensor = self.transformer(
            latents.transpose(1, 2),
            sigma[:, 0],
            sigma[:, 0],
            heard,
            torch.cat([context, torch.ones_like(context)], dim=-1),
            return_dict=False,
        )[0]
        return found

    def forward(
        self,
        latents: Tensor,
        sigma: Tensor,
        conditioning: Tensor,
        conditioning_mask: Tensor,
        source: Tensor | None = None,
    ) -> Tensor:
        """Return the denoised latents of one step."""
        velocities = [
            self.velocity(
                latents[row : row + 1],
                sigma[row : row + 1],
                conditioning[row : row + 1, conditioning_mask[row].bool()],
                None if source is None else source[row : row + 1],
            )
            for row in range(len(latents))
        ]
        velocity = torch.cat(velocities).transpose(1, 2)
        return latents - sigma.unsqueeze(-1) * velocity


class DiffusersGuidedTransformer(DiffusersTransformer):
    """The same, guided by diffusers' own function."""

    nobody: Tensor

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
        velocities, momentum = [], momentum.clone()
        for row in range(len(latents)):
            at = slice(row, row + 1)
            heard = conditioning[at, conditioning_mask[row].bool()]
            given = latents[at], sigma[at]
            followed = None if source is None else source[at]
            velocity = self.velocity(*given, heard, followed)
            scale = float(guidance_scale[row])
            if row < len(momentum) and scale > 1.0:
                other = self.velocity(*given, self.nobody.expand_as(heard), followed)
                buffer = MomentumBuffer(MOMENTUM)
                buffer.running_average = momentum[at].transpose(1, 2)
                velocity = normalized_guidance(
                    velocity,
                    other,
                    scale - 1.0,
                    buffer,
                    eta=0.0,
                    norm_threshold=MAX_NORM,
                    use_original_formulation=True,
                    norm_dim=(1,),
                )
                momentum[at] = buffer.running_average.transpose(1, 2)
            velocities.append(velocity)
        velocity = torch.cat(velocities).transpose(1, 2)
        return latents - sigma.unsqueeze(-1) * velocity, momentum
