"""Jobs of a denoiser that nobody waits for."""

import numpy as np

from backends.denoiser.job import Job, Rounding, make_job
from backends.errors import RequestFailed
from tritone import tensors
from tritone.card import ModelCard


class _Nobody:
    """Where no answer goes."""

    def is_cancelled(self) -> bool:
        return False

    def succeed(self, job: Job) -> None: ...

    def fail(self, error: RequestFailed) -> None:
        raise error


_AS_ASKED = Rounding()


def make_plain_job(  # noqa: PLR0913  # what a job is asked for
    card: ModelCard,
    seconds: float,
    *,
    n_steps: int,
    scale: float,
    prompt: int = 0,
    rounding: Rounding = _AS_ASKED,
) -> Job:
    """Return a job for the first `seconds` with random conditioning; each `prompt` has its own.

    No token of it is masked.
    """
    random = np.random.default_rng(prompt)
    given = {
        spec.name: random.standard_normal((1, *spec.dims), np.float32)
        if spec.dtype == "FP32"
        else np.ones((1, *spec.dims), np.int64)
        for spec in tensors.list_conditioning(card)
    }
    scalars = {
        tensors.SECONDS_START: 0.0,
        tensors.SECONDS_END: seconds,
        tensors.SEED: 1,
        tensors.STEPS: n_steps,
        tensors.GUIDANCE_SCALE: scale,
    }
    given |= {name: np.array([[value]], np.float32) for name, value in scalars.items()}
    return make_job(card, given, "", _Nobody(), rounding)
