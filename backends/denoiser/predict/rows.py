"""One transformer call for several jobs, repeated job by job if one of them spoils it.

Knows no Triton: `Predict` is the seam to the transformer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backends.denoiser.job import Job
from backends.errors import Code, RequestFailed
from backends.tensors import Tensors
from tritone.blending import blend, find_blended, list_others
from tritone.sampling import Latents
from tritone.tensors import GUIDANCE_SCALE, LATENTS, SIGMA

Predict = Callable[[Tensors], Latents]
"""Named inputs [rows, ...] to denoised latents float32 [rows, latent_channels, latent_frames].

What a model carries from step to step (`tensors.list_carried`) is one of the inputs; this call puts
its new value in the old one's place. Every lane may call it at the same time. Raises RequestFailed.
"""


@dataclass(frozen=True, slots=True)
class Predictors:
    """How many lanes a denoiser has, and what each calls."""

    lanes: int  # steps that are computed at the same time
    one_lane: Predict  # called while only one lane has work: may use every core
    many_lanes: Predict  # called while several lanes have work: each uses its part of the cores


def predict_rows(predict: Predict, jobs: Sequence[Job]) -> list[Latents | RequestFailed]:
    """Return the denoised latents of each job, [latent_channels, latent_frames], or its error.

    What the model carries to its next step is in the trajectories of those without an error.

    A batch that fails or holds a value that is not finite is computed again row by row, so that
    only the job at fault fails: a quantised transformer scales by the whole batch, so one row can
    spoil its neighbours.
    """
    answer = _predict(predict, jobs)
    if len(jobs) == 1:
        return [answer[0] if isinstance(answer, np.ndarray) else answer]
    if isinstance(answer, RequestFailed):
        return [row for job in jobs for row in predict_rows(predict, [job])]
    return list(answer)


def _predict(predict: Predict, jobs: Sequence[Job]) -> Latents | RequestFailed:
    inputs = _join_inputs(jobs)
    strengths = np.array([job.strength for job in jobs], np.float32)
    rows = find_blended(strengths)
    try:
        answer = predict(inputs)
        if len(rows):
            answer = blend(answer, predict(list_others(inputs, rows)), rows, strengths)
    except RequestFailed as error:
        return error
    expected = inputs[LATENTS].shape
    if answer.shape != expected:
        return RequestFailed(f"transformer: {answer.shape}, not {expected}", Code.INTERNAL)
    if not np.isfinite(answer).all():
        return RequestFailed("the denoised latents are not finite", Code.INTERNAL)
    _hand_on(inputs, jobs)
    return answer


def _hand_on(inputs: Tensors, jobs: Sequence[Job]) -> None:
    for row, job in enumerate(jobs):
        carried = job.trajectory.carried
        # Copies: a view would keep the rows of every job that shared this step.
        carried |= {name: inputs[name][row].copy() for name in carried}


def _join_inputs(jobs: Sequence[Job]) -> Tensors:
    # Every tensor a transformer may take; `predict` picks those that its model has.
    inputs: Tensors = {
        name: _join([job.conditioning[name] for job in jobs]) for name in jobs[0].conditioning
    }
    for name in jobs[0].trajectory.carried:
        inputs[name] = _join([job.trajectory.carried[name][np.newaxis] for job in jobs])
    inputs[LATENTS] = _join([job.trajectory.latents[np.newaxis] for job in jobs])
    inputs[SIGMA] = np.array([[job.trajectory.sigma] for job in jobs], np.float32)
    inputs[GUIDANCE_SCALE] = np.array([[job.step_guidance_scale] for job in jobs], np.float32)
    return inputs


def _join(rows: list[Latents]) -> Latents:
    return rows[0] if len(rows) == 1 else np.concatenate(rows)  # one row is not copied
