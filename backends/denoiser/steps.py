"""One step of several jobs: on the host, or wherever else `Steps` are taken. Knows no Triton."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from backends.denoiser.job import Job, Rounding
from backends.denoiser.predict.rows import Predict, predict_rows
from backends.errors import RequestFailed
from backends.tensors import Tensors
from tritone.sampling import Latents

CountStep = Callable[[int, float], None]
"""Told the rows of a transformer call, and its seconds."""


class Steps(Protocol):
    """How jobs are stepped."""

    def take(self, jobs: Sequence[Job], count_step: CountStep) -> list[RequestFailed | None]:
        """Take one step of each job, all of one shape; return what failed.

        A job whose trajectory is done then has its latents there.
        """


@dataclass(frozen=True, slots=True)
class OneLane:
    """Steps of one lane, somewhere else than on the host."""

    steps: Steps
    step_batch: int  # jobs that may share a step
    rounding: Rounding  # of the jobs' lengths


class HostSteps:
    """Trajectories in the host's memory, around a transformer wherever that is."""

    def __init__(
        self, predict: Predict, drawing: ThreadPoolExecutor, clock: Callable[[], float]
    ) -> None:
        """Call `predict` for each step; draw noise in the threads of `drawing`."""
        self._predict, self._drawing, self._clock = predict, drawing, clock

    def take(self, jobs: Sequence[Job], count_step: CountStep) -> list[RequestFailed | None]:
        """Take one step of each job."""
        # Drawn while the transformer computes: for a batch of long sounds it takes milliseconds.
        noises = [
            self._drawing.submit(job.trajectory.draw_noise) if job.trajectory.adds_noise else None
            for job in jobs
        ]

        def predict(inputs: Tensors) -> Latents:
            begin = self._clock()
            denoised = self._predict(inputs)
            count_step(len(denoised), self._clock() - begin)
            return denoised

        failures: list[RequestFailed | None] = []
        for job, answer, noise in zip(jobs, predict_rows(predict, jobs), noises, strict=True):
            if isinstance(answer, RequestFailed):
                failures.append(answer)
                continue
            job.trajectory.advance(answer, noise.result() if noise else None)
            failures.append(None)
        return failures
