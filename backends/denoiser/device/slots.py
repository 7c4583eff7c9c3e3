"""The slots of one length: where jobs keep their state and conditioning on the device."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backends.denoiser.device.session import BoundSession, Device, Graph, Values, read
from backends.denoiser.device.step_graph import (
    STATE,
    after,
    list_slots,
    make_placing,
    make_reading,
    slots_of,
)
from backends.denoiser.job import Job
from backends.tensors import Tensors
from tritone.card import ModelCard

_DTYPES = {1: np.float32, 7: np.int64}  # ONNX's numbers of both


class Slots:
    """A fixed number of slots, and one more that nobody owns: rows that fill a step up write there.

    Not thread-safe. A job that has no slot gets one; if there is none, the job that was not
    stepped for longest gets its state back to the host.
    """

    def __init__(self, card: ModelCard, frames: int, count: int, device: Device) -> None:
        """Allocate `count` slots for jobs of `frames` latent frames."""
        kept = list_slots(card, frames, count + 1)
        zeros = {name: np.zeros(dims, _DTYPES[dtype]) for name, (dtype, dims) in kept.items()}
        self.values: Values = {name: device.allocate(array) for name, array in zeros.items()}
        self._owners: list[Job | None] = [None] * count
        self._used: list[Job] = []  # the one stepped last stands last
        rows = {f"row_of_{name}": array[:1] for name, array in zeros.items()}
        self._row: Values = {name: device.allocate(array) for name, array in rows.items()}
        self._row["slot"] = device.allocate(np.zeros((1, 1), np.int64))
        self._read: Values = {
            "slot": device.allocate(np.zeros(1, np.int64)),
            "row": device.allocate(zeros[STATE][:1]),
        }
        self._placing = BoundSession(
            Graph(make_placing(card, frames, count + 1)),
            device,
            self.values | self._row,
            output_of={after(name): name for name in kept},
        )
        self._reading = BoundSession(
            Graph(make_reading(card, frames, count + 1)), device, self.values | self._read
        )

    @property
    def nobodys(self) -> int:
        """The slot that belongs to no job."""
        return len(self._owners)

    def place(self, jobs: Sequence[Job]) -> list[int]:
        """Return the slots of the jobs, which share the next step."""
        wanted = set(jobs)
        for job in jobs:
            if job not in self._owners:
                at = self._make_room(wanted)
                self.put(at, job.trajectory.state, job.conditioning)
                self._owners[at] = job
        self._used = [job for job in self._used if job not in wanted and not job.has_ended]
        self._used += jobs
        return [self._owners.index(job) for job in jobs]

    def take_back(self, job: Job) -> None:
        """Give a job its state back, and its slot to others."""
        at = self._owners.index(job)
        job.trajectory.set_state(self.get(at))
        self._owners[at] = None

    def put(self, at: int, state: NDArray[np.float32], conditioning: Tensors) -> None:
        """Write one slot: state [2, latent_channels, frames], conditioning [1, ...] each."""
        self._row["slot"].update_inplace(np.array([[at]], np.int64))
        rows = {STATE: state[np.newaxis]} | {slots_of(n): t for n, t in conditioning.items()}
        for name, row in rows.items():
            self._row[f"row_of_{name}"].update_inplace(np.ascontiguousarray(row))
        self._placing.run()

    def get(self, at: int) -> NDArray[np.float32]:
        """Return the state of a slot: float32 [2, latent_channels, frames]."""
        self._read["slot"].update_inplace(np.array([at], np.int64))
        self._reading.run()
        state: NDArray[np.float32] = read(self._read["row"])[0]
        return state

    def _make_room(self, wanted: set[Job]) -> int:
        for at, owner in enumerate(self._owners):
            if owner is None or owner.has_ended:
                return at
        longest = next(job for job in self._used if job not in wanted and job in self._owners)
        at = self._owners.index(longest)
        self.take_back(longest)
        return at
