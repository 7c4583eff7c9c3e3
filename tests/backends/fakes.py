"""Jobs, replies and metrics of a denoiser without Triton."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backends.denoiser.job import Job, make_job
from backends.denoiser.job_queue import JobQueue
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.scheduler import Scheduler
from backends.denoiser.steps import OneLane
from backends.errors import RequestFailed
from backends.tensors import Tensors
from tritone.card import ModelCard
from tritone.sampling import Latents
from tritone.tensors import (
    GUIDANCE_SCALE,
    LATENTS,
    SECONDS_END,
    SECONDS_START,
    SEED,
    SIGMA,
    STEPS,
    list_conditioning,
)


@dataclass
class FakeReply:
    """Keeps the answer."""

    latents: Latents | None = None
    error: RequestFailed | None = None
    client_is_gone: bool = False

    def is_cancelled(self) -> bool:
        return self.client_is_gone

    def succeed(self, job: Job) -> None:
        self.latents = job.result

    def fail(self, error: RequestFailed) -> None:
        self.error = error


@dataclass
class FakeMetrics:
    """Keeps the counts."""

    active: int = 0
    pending: int = 0
    step_rows: list[int] = field(default_factory=list)
    n_cancelled: int = 0
    n_failed: int = 0

    def set_queue(self, active: int, pending: int) -> None:
        self.active, self.pending = active, pending

    def count_step(self, rows: int, seconds: float) -> None:
        self.step_rows.append(rows)

    def count_cancelled(self) -> None:
        self.n_cancelled += 1

    def count_failed(self) -> None:
        self.n_failed += 1


class FakeClock:
    """Time that moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def halve(inputs: Tensors) -> Latents:
    """Denoise: row by row, so that a row never depends on its neighbours."""
    sigma: NDArray[np.float32] = inputs[SIGMA][:, :, np.newaxis]
    denoised: Latents = inputs[LATENTS] / (1 + sigma) * inputs[GUIDANCE_SCALE][:, :, np.newaxis]
    return denoised


def request(card: ModelCard, **changes: float) -> Tensors:
    """Return the tensors of a valid request, [1, ...] each."""
    scalars = {SECONDS_START: 0.0, SECONDS_END: 1.0, SEED: 1, STEPS: 4, GUIDANCE_SCALE: 0.5}
    tensors: Tensors = {name: np.array([[v]]) for name, v in {**scalars, **changes}.items()}
    for spec in list_conditioning(card):
        tensors[spec.name] = np.ones((1, *spec.dims), np.float32)
    return tensors


def job(card: ModelCard, job_id: str = "job", **changes: float) -> tuple[Job, FakeReply]:
    """Return a job and where its answer goes."""
    reply = FakeReply()
    return make_job(card, request(card, **changes), job_id, reply), reply


def make_scheduler(
    predictors: Predictors | OneLane,
    metrics: FakeMetrics,
    *,
    step_batch: int,
    max_pending: int,
    clock: Callable[[], float] = time.monotonic,
) -> Scheduler:
    """Return a scheduler over a queue of its own."""
    lanes = predictors.lanes if isinstance(predictors, Predictors) else 1
    max_jobs = lanes * step_batch + max_pending
    queue = JobQueue(metrics, step_batch=step_batch, max_jobs=max_jobs, clock=clock)
    return Scheduler(predictors, queue, metrics, clock)
