"""The peers' common ground: the diffusers pipeline, its noise, and WAV bytes."""

import io
import math
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableAudioPipeline

from benchmarks.clips import Clip
from tritone.pcm import Pcm, limit_peak, to_int16


class Diffusers:
    """A `StableAudioPipeline` on the CPU. Not thread-safe: its scheduler has a state."""

    def __init__(self, checkpoint: Path, threads: int, *, trimmed: bool) -> None:
        """Load the weights.

        Args:
            checkpoint: a diffusers folder.
            threads: of PyTorch.
            trimmed: make the latents of the length asked for instead of the whole window. The
                pipeline takes latents of any length; hardly anybody deploys it so.
        """
        torch.set_num_threads(threads)
        self.pipeline = StableAudioPipeline.from_pretrained(checkpoint)
        self.pipeline.set_progress_bar_config(disable=True)
        self._trimmed = trimmed

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return int(self.pipeline.vae.config.sampling_rate)

    def latent_frames(self, seconds: float) -> int:
        """Return how many frames are denoised for a clip."""
        if not self._trimmed:
            return int(self.pipeline.transformer.config.sample_size)
        return math.ceil(seconds * self.sample_rate / int(self.pipeline.vae.hop_length))

    def noise(self, clip: Clip) -> torch.Tensor:
        """Return a clip's first latents before scaling: float32 [1, channels, frames].

        Drawn as Tritone draws them (Philox with the seed as its key), so that the same seed starts
        at the same noise everywhere.
        """
        key = np.array([clip.seed, 0], np.uint64)
        channels = int(self.pipeline.transformer.config.in_channels)
        shape = (1, channels, self.latent_frames(clip.seconds))
        generator = np.random.Generator(np.random.Philox(key=key))
        return torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))

    def generate(self, clips: Sequence[Clip]) -> list[Pcm]:
        """Make clips in one batch: int16 [samples] each.

        All of them must agree in seconds, steps and guidance: the pipeline has one of each a call.
        """
        first = clips[0]
        answer = self.pipeline(
            prompt=[clip.prompt for clip in clips],
            audio_end_in_s=first.seconds,
            num_inference_steps=first.steps,
            guidance_scale=first.guidance_scale,
            latents=torch.cat([self.noise(clip) for clip in clips]),
            generator=[torch.Generator().manual_seed(clip.seed) for clip in clips],
        )
        return [to_pcm(waveform) for waveform in answer.audios]

    def generate_grouped(self, clips: Sequence[Clip]) -> list[Pcm]:
        """Make any clips: those that agree share a batch."""
        groups: dict[tuple[float, int, float], list[int]] = {}
        for index, clip in enumerate(clips):
            key = (clip.seconds, clip.steps, clip.guidance_scale)
            groups.setdefault(key, []).append(index)
        sounds: dict[int, Pcm] = {}
        for indices in groups.values():
            made = self.generate([clips[index] for index in indices])
            sounds.update(zip(indices, made, strict=True))
        return [sounds[index] for index in range(len(clips))]


def to_pcm(waveform: torch.Tensor) -> Pcm:
    """Return float [1, samples] as int16 [samples]; what is too loud is scaled down, as ours is."""
    pcm: Pcm = to_int16(limit_peak(waveform.numpy()))[0]
    return pcm


def to_wav(pcm: Pcm, sample_rate: int) -> bytes:
    """Return mono samples as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm.tobytes())
    return buffer.getvalue()
