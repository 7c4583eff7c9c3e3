"""The truth of the end-to-end check: diffusers' own pipelines, fed the noise that we use.

Source: diffusers 0.42.1, `__call__` of `StableAudioPipeline`, `StableAudio3Pipeline`,
`AceStepPipeline`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import numpy as np
import torch
from diffusers import (
    AceStepPipeline,
    DiffusionPipeline,
    SchedulerMixin,
    StableAudio3Pipeline,
    StableAudioPipeline,
)
from torch import Tensor

from export.errors import VerificationFailed
from export.trials import Sounds, Trial
from tritone.card import ModelCard
from tritone.controls import STRENGTH, Controls
from tritone.noise import INITIAL_STREAM, draw_gaussian
from tritone.schedules import make_schedule

_RANDN = "diffusers.schedulers.scheduling_flow_match_euler_discrete.randn_tensor"
_SIGMA_TOLERANCE = 1e-5

_Texts = dict[str, object]
_NAMES = {STRENGTH: "audio_cover_strength"}  # of controls, where the pipeline has its own


def stable_audio(pipeline: StableAudioPipeline, card: ModelCard, trial: Trial) -> Sounds:
    """Return what a StableAudioPipeline makes of a trial."""

    def latents(texts: _Texts) -> Tensor:
        scheduler, noises = pipeline.scheduler, _step_noise(card, trial)

        def take_our_noise() -> None:
            scheduler.noise_sampler = lambda sigma, next_sigma: next(noises)

        with _our_sigmas(scheduler, card, trial, take_our_noise):
            return _latents(pipeline, card, trial, texts | {"audio_end_in_s": trial.seconds})

    return _sounds(pipeline, trial, latents)


def stable_audio_3(pipeline: StableAudio3Pipeline, card: ModelCard, trial: Trial) -> Sounds:
    """Return what a StableAudio3Pipeline makes of a trial."""

    def latents(texts: _Texts) -> Tensor:
        noises = _step_noise(card, trial)
        with (
            _our_sigmas(pipeline.scheduler, card, trial),
            mock.patch(_RANDN, side_effect=noises),
        ):
            return _latents(pipeline, card, trial, texts | {"duration": trial.seconds})

    return _sounds(pipeline, trial, latents)


def ace_step(pipeline: AceStepPipeline, card: ModelCard, trial: Trial) -> Sounds:
    """Return what an AceStepPipeline makes of a trial."""
    with _our_sigmas(pipeline.scheduler, card, trial):
        rows = [
            pipeline(
                prompt=prompt,
                audio_duration=trial.seconds,
                num_inference_steps=trial.steps,
                guidance_scale=trial.guidance_scale,
                shift=card.schedule.shift,
                latents=_start(card, trial).transpose(1, 2),
                output_type="latent",
                **_rename(controls),
            ).audios.transpose(1, 2)
            for prompt, controls in zip(trial.prompts, trial.list_controls(), strict=True)
        ]
    latents = torch.cat(rows)
    with torch.no_grad():
        waveforms = pipeline.vae.decode(latents).sample
    return Sounds(latents.float().numpy(), waveforms.float().numpy())


def _rename(controls: Controls) -> dict[str, object]:
    renamed = {_NAMES.get(name, name): value for name, value in controls.items()}
    return dict(renamed)


def _latents(
    pipeline: DiffusionPipeline, card: ModelCard, trial: Trial, how: Mapping[str, object]
) -> Tensor:
    found: Tensor = pipeline(
        **how,
        num_inference_steps=trial.steps,
        guidance_scale=trial.guidance_scale,
        latents=_start(card, trial),
        output_type="latent",
    ).audios
    return found


def _sounds(
    pipeline: DiffusionPipeline, trial: Trial, latents: Callable[[_Texts], Tensor]
) -> Sounds:
    # Row by row: diffusers takes a negative prompt for all rows of a batch or for none.
    texts = zip(trial.prompts, trial.negative_prompts, strict=True)
    rows = torch.cat(
        [latents({"prompt": prompt, "negative_prompt": other or None}) for prompt, other in texts]
    )
    with torch.no_grad():
        waveforms = pipeline.vae.decode(rows).sample
    return Sounds(rows.float().numpy(), waveforms.float().numpy())


def _start(card: ModelCard, trial: Trial) -> Tensor:
    return _draw(card, trial, INITIAL_STREAM)


def _step_noise(card: ModelCard, trial: Trial) -> Iterator[Tensor]:
    for step in range(trial.steps):
        yield _draw(card, trial, 1 + step)


def _draw(card: ModelCard, trial: Trial, stream: int) -> Tensor:
    shape = (card.latent_channels, trial.latent_frames)
    return torch.from_numpy(draw_gaussian(card.noise, trial.seed, stream, shape))[None]


@contextmanager
def _our_sigmas(
    scheduler: SchedulerMixin,
    card: ModelCard,
    trial: Trial,
    also: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Give the scheduler our noise levels, which must be its own up to rounding; then do `also`.

    Networks with Fourier features of the time to 10 kHz see the last bit of a noise level.
    """
    set_timesteps = scheduler.set_timesteps
    table = make_schedule(card.spec.schedule, trial.steps, card.schedule)
    sigmas = torch.from_numpy(table.sigmas.astype(np.float32))

    def set_our_timesteps(*args: object, **kwargs: object) -> None:
        set_timesteps(*args, **kwargs)
        if not torch.allclose(scheduler.sigmas, sigmas, rtol=_SIGMA_TOLERANCE, atol=0.0):
            raise VerificationFailed("the checkpoint's noise levels are not those of our schedule")
        scale = scheduler.timesteps / scheduler.sigmas[:-1]
        scheduler.sigmas = sigmas
        if card.spec.schedule != "cosine_dpm":
            scheduler.timesteps = sigmas[:-1] * scale.mean()
        also()

    with mock.patch.object(scheduler, "set_timesteps", set_our_timesteps):
        yield
