"""Steps whose jobs live on a device: nothing but a few numbers, and noise, crosses to it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from backends.denoiser.device.session import BoundSession, Device, Graph, Values, read
from backends.denoiser.device.slots import Slots
from backends.denoiser.device.step_graph import (
    IS_FINITE,
    N_NUMBERS,
    NOISE,
    NUMBERS,
    STATE,
    StepShape,
    after,
    numbers_of,
)
from backends.denoiser.job import Job
from backends.denoiser.steps import CountStep
from backends.errors import Code, RequestFailed
from tritone.sampling import NO_GUIDANCE, Latents

_MAX_DRAWING = 8  # rows whose noise is drawn at the same time


class Step:
    """The graph of one shape, with the numbers and the noise of its rows."""

    def __init__(
        self, graph: Graph, slots: Slots, device: Device, noise_shape: tuple[int, int, int]
    ) -> None:
        """Load the graph of a step over these slots; `noise_shape` is that of `NOISE`.

        Raises:
            InvalidModel: ONNX Runtime does not take it to that device.
        """
        self._own: Values = {
            NUMBERS: device.allocate(np.zeros((noise_shape[0], N_NUMBERS), np.float32)),
            NOISE: device.allocate(np.zeros(noise_shape, np.float32)),
            IS_FINITE: device.allocate(np.zeros(1, np.float32)),
        }
        self._session = BoundSession(
            graph,
            device,
            slots.values | self._own,
            captures=True,
            output_of={after(STATE): STATE},
        )

    @property
    def addresses(self) -> dict[str, int]:
        """Where every tensor lies that a run reads or writes."""
        return {name: value.data_ptr() for name, value in self._session.values.items()}

    def run(
        self,
        numbers: NDArray[np.float32],
        noise: NDArray[np.float32] | None = None,
        *,
        is_captured: bool = True,
    ) -> bool:
        """Take the step; return whether every prediction was finite. If not, nothing has changed.

        `noise` may be left out where no row adds any.
        """
        self._own[NUMBERS].update_inplace(numbers)
        if noise is not None:
            self._own[NOISE].update_inplace(noise)
        self._session.run(is_captured=is_captured)
        return bool(read(self._own[IS_FINITE])[0])


class DeviceSteps:
    """Takes the steps of jobs; one lane's thread calls it."""

    def __init__(
        self,
        slots: Mapping[int, Slots],
        steps: Mapping[StepShape, Step],
        seconds: Mapping[StepShape, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take slots by latent frames, steps by shape, and how long each took at warm-up."""
        self.slots, self.steps = slots, steps
        self._seconds = seconds
        self._clock = clock
        # A row of 120 s takes longer than a step of a fast model.
        n_drawing = min(len(os.sched_getaffinity(0)), _MAX_DRAWING)
        self._drawing = ThreadPoolExecutor(n_drawing, thread_name_prefix="noise")
        self._drawn: dict[tuple[Job, int], Future[Latents | None]] = {}  # by job and step

    def take(self, jobs: Sequence[Job], count_step: CountStep) -> list[RequestFailed | None]:
        """Take one step of each job, all of one shape; return what failed.

        A job that is done has its latents in its trajectory.
        """
        slots = self.slots[jobs[0].shape[1]]
        slots.place(jobs)
        self._drawn = {key: noise for key, noise in self._drawn.items() if not key[0].has_ended}
        failed: dict[Job, RequestFailed] = {}
        for part in self._divide(jobs):
            failed |= self._take(part, slots, count_step)
        for job in jobs:
            if job not in failed:
                self._go_on(job, slots)
        return [failed.get(job) for job in jobs]

    def _divide(self, jobs: Sequence[Job]) -> list[list[Job]]:
        """Return the jobs that share a call: guided ones apart, where two calls are faster."""
        guided = [job for job in jobs if job.step_guidance_scale > NO_GUIDANCE]
        others = [job for job in jobs if job not in guided]
        if not (guided and others):
            return [list(jobs)]
        apart_s = sum(self._seconds[self._find_shape(part)] for part in (guided, others))
        if apart_s < self._seconds[self._find_shape(jobs)]:
            return [guided, others]
        return [list(jobs)]

    def _find_shape(self, jobs: Sequence[Job]) -> StepShape:
        """Return the cheapest shape that the jobs fit into."""
        frames = jobs[0].shape[1]
        is_guided = any(job.step_guidance_scale > NO_GUIDANCE for job in jobs)
        fitting = [
            shape
            for shape in self.steps
            if shape.frames == frames and shape.rows >= len(jobs) and shape.is_guided >= is_guided
        ]
        return min(fitting, key=lambda shape: (shape.is_guided, shape.rows))

    def _take(
        self, jobs: list[Job], slots: Slots, count_step: CountStep
    ) -> dict[Job, RequestFailed]:
        try:
            is_finite = self._run(jobs, slots, count_step)
            error = RequestFailed("the denoised latents are not finite", Code.INTERNAL)
        except Exception as said:  # ONNX Runtime's errors share no base class
            is_finite = False
            error = RequestFailed(f"onnx runtime error: {said}", Code.INTERNAL)
        if is_finite:
            return {}
        if len(jobs) == 1:
            return {jobs[0]: error}
        # Only the job at fault shall fail.
        alone = [self._take([job], slots, count_step) for job in jobs]
        return {job: failure for each in alone for job, failure in each.items()}

    def _run(self, jobs: list[Job], slots: Slots, count_step: CountStep) -> bool:
        shape = self._find_shape(jobs)
        at = slots.place(jobs)
        rows = [_describe(job, slot, slot) for job, slot in zip(jobs, at, strict=True)]
        # Rows that fill the step up compute what the first one does, and write where nobody reads.
        rows += [_describe(jobs[0], at[0], slots.nobodys)] * (shape.rows - len(jobs))
        noise = self._join_noise(jobs, shape)
        begin = self._clock()
        is_finite = self.steps[shape].run(np.stack(rows), noise)
        count_step(len(jobs), self._clock() - begin)
        return is_finite

    def _join_noise(self, jobs: Sequence[Job], shape: StepShape) -> NDArray[np.float32] | None:
        """Return float32 [rows, latent_channels, frames]; begin to draw that of the next step."""
        drawn = [self._find_noise(job) for job in jobs]
        for job in jobs:
            self._draw(job, job.trajectory.step + 1)
        if all(each is None for each in drawn):
            return None
        joined = np.zeros((shape.rows, *jobs[0].trajectory.latents.shape), np.float32)
        for row, each in enumerate(drawn):
            if each is not None:
                joined[row] = each
        return joined

    def _find_noise(self, job: Job) -> Latents | None:
        begun = self._drawn.pop((job, job.trajectory.step), None)
        return begun.result() if begun else job.trajectory.draw_noise()

    def _draw(self, job: Job, step: int) -> None:
        if job.trajectory.adds_noise_at(step) and (job, step) not in self._drawn:
            self._drawn[job, step] = self._drawing.submit(job.trajectory.draw_noise, step)

    def _go_on(self, job: Job, slots: Slots) -> None:
        job.trajectory.count_step()
        if job.trajectory.is_done:
            slots.take_back(job)


def _describe(job: Job, read_at: int, write_at: int) -> NDArray[np.float32]:
    trajectory = job.trajectory
    return numbers_of(
        read_at, write_at, trajectory.sigma, job.step_guidance_scale, trajectory.scalars
    )
