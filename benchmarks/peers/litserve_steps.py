"""LitServe's continuous batching loop: clips join and leave between diffusion steps.

The loop was made for tokens; a step of all active clips is one call of diffusers' transformer, and
each clip has a scheduler of its own. Its answers must be streams: a clip is the last chunk of one.
"""

import copy
from dataclasses import dataclass
from typing import Any

import litserve
import torch
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from litserve.loops.continuous_batching_loop import ContinuousBatchingLoop, Output
from litserve.utils import LitAPIStatus

from benchmarks.clips import Clip
from benchmarks.peers.litserve_batching import REQUEST_TIMEOUT_S
from benchmarks.peers.options import Options, parse
from benchmarks.peers.sound import Diffusers, to_pcm, to_wav


@dataclass(slots=True)
class _Active:
    """A clip on its way."""

    clip: Clip
    scheduler: Any  # of diffusers
    latents: torch.Tensor  # [1, channels, frames]
    text: torch.Tensor  # [2, tokens, dim]: unconditional, conditional
    duration: torch.Tensor  # [2, 1, dim]
    generator: torch.Generator
    step: int = 0

    @property
    def is_done(self) -> bool:
        return self.step >= len(self.scheduler.timesteps)


class StepAPI(litserve.LitAPI):  # type: ignore[misc]  # untyped
    """Clips in, one diffusion step of all of them a time."""

    def __init__(self, options: Options) -> None:
        super().__init__(
            max_batch_size=options.max_batch,
            stream=True,
            api_path="/generate",
            loop=ContinuousBatchingLoop(),
        )
        self._options = options
        self._active: dict[str, _Active] = {}

    def setup(self, device: str) -> None:
        """Load the weights, in the worker's process."""
        options = self._options
        self._diffusers = Diffusers(options.checkpoint, options.threads, trimmed=options.trimmed)

    def has_capacity(self) -> bool:
        """Whether a clip may join."""
        return len(self._active) < self._options.max_batch

    def has_active_requests(self) -> bool:
        """Whether there is anything to step."""
        return bool(self._active)

    @torch.no_grad()
    def add_request(self, uid: str, request: dict[str, Any]) -> None:
        """Encode the text and draw the noise, as the pipeline does before its loop."""
        clip, pipeline = Clip(**request), self._diffusers.pipeline
        text = pipeline.encode_prompt(clip.prompt, "cpu", True)
        start, end = pipeline.encode_duration(0.0, clip.seconds, "cpu", False, 1)
        conditional = torch.cat([text, start, end], dim=1)
        duration = torch.cat([start, end], dim=2)
        scheduler = copy.deepcopy(pipeline.scheduler)
        scheduler.set_timesteps(clip.steps)
        self._active[uid] = _Active(
            clip,
            scheduler,
            self._diffusers.noise(clip) * scheduler.init_noise_sigma,
            torch.cat([torch.zeros_like(conditional), conditional]),
            torch.cat([duration, duration]),
            torch.Generator().manual_seed(clip.seed),
        )

    @torch.no_grad()
    def step(self, _previous: list[Output] | None) -> list[Output]:
        """Take one step with every clip; those of one length share a call of the transformer."""
        by_frames: dict[int, list[_Active]] = {}
        for active in self._active.values():
            by_frames.setdefault(active.latents.shape[2], []).append(active)
        for group in by_frames.values():
            self._advance(group)
        return [output for uid in list(self._active) for output in self._outputs(uid)]

    def encode_response(self, output: bytes) -> bytes:
        """Answer with WAV."""
        return output

    def _advance(self, group: list[_Active]) -> None:
        pipeline = self._diffusers.pipeline
        times = torch.stack([active.scheduler.timesteps[active.step] for active in group])
        inputs = torch.cat(
            [
                active.scheduler.scale_model_input(active.latents, time)
                for active, time in zip(group, times, strict=True)
            ]
        )
        rotary = get_1d_rotary_pos_embed(
            pipeline.rotary_embed_dim,
            inputs.shape[2] + 1,
            use_real=True,
            repeat_interleave_real=False,
        )
        predicted = pipeline.transformer(
            torch.cat([inputs, inputs]),
            torch.cat([times, times]),
            encoder_hidden_states=_both([active.text for active in group]),
            global_hidden_states=_both([active.duration for active in group]),
            rotary_embedding=rotary,
            return_dict=False,
        )[0]
        for row, active in enumerate(group):
            without, with_text = predicted[row], predicted[len(group) + row]
            guided = without + active.clip.guidance_scale * (with_text - without)
            active.latents = active.scheduler.step(
                guided[None], times[row], active.latents, generator=active.generator
            ).prev_sample
            active.step += 1

    def _outputs(self, uid: str) -> list[Output]:
        active = self._active[uid]
        if not active.is_done:
            return [Output(uid, b"", LitAPIStatus.OK)]  # none at all would cost 10 ms of sleep
        del self._active[uid]
        waveform = self._diffusers.pipeline.vae.decode(active.latents).sample
        samples = int(active.clip.seconds * self._diffusers.sample_rate)
        wav = to_wav(to_pcm(waveform[0, :, :samples]), self._diffusers.sample_rate)
        # The end of a stream carries no data.
        return [Output(uid, wav, LitAPIStatus.OK), Output(uid, b"", LitAPIStatus.FINISH_STREAMING)]


def _both(pairs: list[torch.Tensor]) -> torch.Tensor:
    """Return all unconditional rows, then all conditional ones."""
    return torch.cat([pair[:1] for pair in pairs] + [pair[1:] for pair in pairs])


if __name__ == "__main__":
    options = parse(__doc__ or "")
    server = litserve.LitServer(StepAPI(options), accelerator="cpu", timeout=REQUEST_TIMEOUT_S)
    server.run(host="127.0.0.1", port=options.port, log_level="warning", generate_client_file=False)
