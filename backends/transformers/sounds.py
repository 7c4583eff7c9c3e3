"""Prompts to sounds, several of one length in a run. Knows no Triton and no torch.

The queue is the denoiser's: a run is the one step that each of its jobs has.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backends.denoiser.job_queue import JobQueue, make_late_error
from backends.denoiser.metrics import Metrics
from backends.denoiser.step_times import CostClass
from backends.errors import Code, RequestFailed
from backends.progress import Progress
from tritone.card import ModelCard
from tritone.pcm import Pcm, to_int16
from tritone.refusals import CANCELLED, STOPPING
from tritone.spans import find_span
from tritone.tensors import PROMPT, SECONDS_END, SECONDS_START, SEED
from tritone.turns import QueuedWork

LOOK_FRAMES = 5  # between two looks for clients that have left

Generate = Callable[[Sequence[str], Sequence[int], int, Callable[[int], None]], Sequence[Any]]
"""Prompts, seeds, frames, and who hears after each frame how many there are."""


class Reply(Protocol):
    """Where a job's one answer goes: only the first one counts. No method raises."""

    def is_cancelled(self) -> bool:
        """Return whether the client has cancelled the request."""

    def succeed(self, pcm: Pcm, progress: Progress) -> None:
        """Answer with a sound."""

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""


@dataclass(slots=True, kw_only=True, eq=False)
class SoundJob(QueuedWork):
    """A request that was accepted. The maker owns all but `cancel_requested`."""

    job_id: str  # empty: cannot be addressed by control requests
    prompt: str
    seed: int
    n_frames: int
    reply: Reply
    n_made: int = 0  # frames
    cancel_requested: bool = False
    has_begun: bool = False
    has_ended: bool = False
    client_checked_at: float = -math.inf

    @property
    def progress(self) -> Progress:
        """Frames made and frames in all."""
        return self.n_made, self.n_frames

    @property
    def shape(self) -> tuple[int, ...]:
        """Jobs of one shape can share a run."""
        return (self.n_frames,)

    @property
    def cost_class(self) -> CostClass:
        """What the cost of its run depends on."""
        return CostClass(self.shape, is_guided=True)

    @property
    def steps_left(self) -> dict[CostClass, int]:
        """The one run that it needs."""
        return {self.cost_class: 1}

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error, unless it is answered."""
        if not self.has_ended:
            self.has_ended = True
            self.reply.fail(error)


def make_job(
    card: ModelCard, tensors: Mapping[str, NDArray[Any]], job_id: str, reply: Reply
) -> SoundJob:
    """Return a job without deadline for the tensors of one request.

    Raises:
        RequestFailed: a tensor is missing, is not of batch 1, or lies outside its bounds.
    """
    values = {}
    for name in (PROMPT, SECONDS_START, SECONDS_END, SEED):
        if name not in tensors or tensors[name].size != 1:
            raise RequestFailed(f"{name} must be one value", Code.INVALID_ARG)
        values[name] = tensors[name].item()
    try:
        asked = find_span(card, values[SECONDS_START], values[SECONDS_END])
    except ValueError as error:
        raise RequestFailed(str(error), Code.INVALID_ARG) from error
    return SoundJob(
        job_id=job_id,
        prompt=values[PROMPT].decode("utf-8", "replace"),
        seed=int(values[SEED]),
        n_frames=asked.latent_frames,
        reply=reply,
    )


class _NobodyLeft(Exception):
    """Every job of a run has ended before it."""


class SoundMaker:
    """Makes the jobs of a queue that nobody else uses, one run after the other."""

    def __init__(
        self,
        generate: Generate,
        queue: JobQueue,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make sounds by `generate`."""
        self._generate = generate
        self._queue: Any = queue  # its jobs are ours
        self._metrics = metrics
        self._clock = clock

    def run(self) -> None:
        """Make sounds until the queue stops and no job is left."""
        while self._queue.wait_for_jobs():
            self.step()

    def step(self) -> None:
        """Answer the jobs that were dropped, then make the sounds whose turn it is."""
        for job in self._queue.due_for_check():
            if job.reply.is_cancelled():
                job.cancel_requested = True
        dropped = self._queue.drop_cancelled_and_late()
        for job in (*dropped.cancelled, *dropped.late):
            self._drop(job)
        jobs: list[SoundJob] = self._queue.begin_step().jobs
        if not jobs:
            return
        try:
            self._make(jobs)
        except _NobodyLeft:
            pass
        except Exception as error:  # torch's errors share no base class; the next run goes on
            failed = RequestFailed(f"the checkpoint failed: {error}", Code.INTERNAL)
            for job in jobs:
                self._metrics.count_failed()
                job.fail(failed)
        finally:
            for job in jobs:
                job.has_ended = True
                self._queue.remember(job)
            self._queue.end_step(jobs)

    def abandon(self) -> None:
        """Fail every job that is left after the queue was stopped."""
        for job in self._queue.all_jobs():
            job.fail(RequestFailed(STOPPING, Code.UNAVAILABLE))

    def _make(self, jobs: list[SoundJob]) -> None:
        begin = self._clock()
        prompts, seeds = [job.prompt for job in jobs], [job.seed for job in jobs]
        sounds = self._generate(prompts, seeds, jobs[0].n_frames, lambda n: self._watch(jobs, n))
        seconds = self._clock() - begin
        self._metrics.count_step(len(jobs), seconds)
        self._queue.charge(jobs, jobs[0].cost_class, seconds)
        for job, sound in zip(jobs, sounds, strict=True):
            if not job.has_ended:
                job.has_ended, job.n_made = True, job.n_frames
                job.reply.succeed(to_int16(np.asarray(sound, np.float32)), job.progress)

    def _watch(self, jobs: list[SoundJob], n_made: int) -> None:
        """Note how far a run is; end the jobs that nobody waits for, and the run with the last."""
        for job in jobs:
            job.n_made = min(n_made, job.n_frames)
        if n_made % LOOK_FRAMES:
            return
        for job in jobs:
            left = job.cancel_requested or job.reply.is_cancelled()
            job.cancel_requested = left
            if not job.has_ended and (left or self._clock() > job.due_at):
                self._drop(job)
        if all(job.has_ended for job in jobs):
            raise _NobodyLeft

    def _drop(self, job: SoundJob) -> None:
        done, total = job.progress
        if job.cancel_requested:
            self._metrics.count_cancelled()
            job.fail(RequestFailed(f"{CANCELLED} at step {done}/{total}", Code.CANCELLED))
        else:
            self._metrics.count_failed()
            job.fail(make_late_error(job))  # type: ignore[arg-type]  # it asks for the progress
