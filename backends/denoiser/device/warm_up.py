"""Opens a step for every shape before a model is ready: each is captured, checked and timed.

A capture may go wrong without a word: one answered every prompt with the same bytes (Stable Audio
3's own TensorRT pipeline, pull request 82). So a step that is replayed must give what it gives
uncaptured, and something else for another prompt.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from backends.denoiser.device.session import Device, Graph
from backends.denoiser.device.slots import Slots
from backends.denoiser.device.step_graph import (
    StepShape,
    can_spare_rows,
    make_step,
    numbers_of,
    read_network,
)
from backends.denoiser.device.steps import DeviceSteps, Step
from backends.onnxruntime.session import InvalidModel
from backends.tensors import Tensors
from tritone.card import ModelCard
from tritone.sampling import Trajectory
from tritone.tensors import NUMPY_DTYPES, list_conditioning

_ROWS = (1, 2, 4, 8)
_WORTH = 0.95  # of a row's time: what more rows must at least save
_MAX_ERROR = 1e-3  # relative, of a replay against the same step uncaptured
_TIMED = 3
_SLOTS_A_ROW = 2  # so that a batch may give way to another and come back

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What steps are opened for."""

    lengths: tuple[int, ...]  # latent frames; a job takes the next longer one
    step_batch: int | None  # None: as many rows as pay
    slowdown: float = 2.0  # for None: how many times as long as of one row a step may take


@dataclass(frozen=True, slots=True)
class Opened:
    """Steps that are ready."""

    steps: DeviceSteps
    step_batch: int
    seconds: dict[StepShape, float]  # what each took


@dataclass(slots=True)
class _Opener:
    """Opens the steps of one network."""

    network: onnx.ModelProto
    weights: Path | None
    card: ModelCard
    device: Device
    slots: dict[int, Slots] = field(default_factory=dict)
    steps: dict[StepShape, Step] = field(default_factory=dict)
    seconds: dict[StepShape, float] = field(default_factory=dict)

    def open(self, frames: int, rows: int) -> None:
        """Open the steps of so many rows, guided ones and others."""
        for is_guided in self._guidance():
            shape = StepShape(frames, rows, is_guided)
            self.steps[shape], self.seconds[shape] = self._open(shape)

    def _guidance(self) -> Iterator[bool]:
        if can_spare_rows(self.network):
            yield False
        if self.card.guidance:
            yield True

    def _open(self, shape: StepShape) -> tuple[Step, float]:
        slots = self.slots[shape.frames]
        graph = make_step(
            self.network,
            self.card,
            shape,
            slots.nobodys + 1,
            lacks_atan=not self.device.is_cpu,
        )
        size = (shape.rows, self.card.latent_channels, shape.frames)
        step = Step(Graph(graph, self.weights), slots, self.device, size)
        numbers = _make_numbers(self.card, shape)
        try:
            check_step(step, slots, self.card, shape)
            return step, _time(lambda: step.run(numbers))
        except InvalidModel:
            raise
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise InvalidModel(f"a step of {shape} fails: {error}") from error


def open_steps(
    path: Path,
    card: ModelCard,
    device: Device,
    choices: Choices,
    say: Say = lambda _: None,
) -> Opened:
    """Open the steps of a transformer on a device, longest first.

    Raises:
        InvalidModel: a step does not load, or its replays are wrong.
    """
    external = path.with_name(path.name + ".data").exists()
    opener = _Opener(read_network(path), path.parent if external else None, card, device)
    longest, *others = sorted(choices.lengths, reverse=True)
    max_rows = choices.step_batch or _ROWS[-1]
    for frames in choices.lengths:
        opener.slots[frames] = Slots(card, frames, _SLOTS_A_ROW * max_rows, device)
    step_batch = choices.step_batch or _measure_rows(opener, longest, choices.slowdown, say)
    for frames in (longest, *others):
        for rows in list_rows(step_batch):
            if not any((shape.frames, shape.rows) == (frames, rows) for shape in opener.steps):
                opener.open(frames, rows)
    kept = {s: step for s, step in opener.steps.items() if s.rows <= list_rows(step_batch)[-1]}
    return Opened(
        steps=DeviceSteps(opener.slots, kept, opener.seconds),
        step_batch=step_batch,
        seconds={shape: opener.seconds[shape] for shape in kept},
    )


def list_rows(step_batch: int) -> list[int]:
    """Return the rows for which there is a step: enough for a step batch, filled up."""
    return [rows for rows in _ROWS if rows < step_batch] + [step_batch]


def _measure_rows(opener: _Opener, frames: int, slowdown: float, say: Say) -> int:
    """Return how many rows pay: measured, as far as the memory goes."""
    measured: dict[int, float] = {}
    for rows in _ROWS:
        try:
            opener.open(frames, rows)
        except InvalidModel as error:
            if rows == 1:
                raise
            say(f"no step of {rows} rows: {error}")
            break
        shapes = [shape for shape in opener.steps if shape.rows == rows]
        measured[rows] = max(opener.seconds[shape] for shape in shapes)
        if choose_rows(measured, slowdown) != rows:
            break
    return choose_rows(measured, slowdown)


def choose_rows(seconds: dict[int, float], slowdown: float) -> int:
    """Return the most rows whose step is at most `slowdown` times one of a single row, and pays."""
    chosen = 1
    for rows, taken in sorted(seconds.items()):
        saves = taken / rows <= _WORTH * seconds[chosen] / chosen
        if rows > 1 and saves and taken <= slowdown * seconds[1]:
            chosen = rows
    return chosen


def check_step(step: Step, slots: Slots, card: ModelCard, shape: StepShape) -> None:
    """Compare replays with an uncaptured run, and two prompts with each other.

    Raises:
        InvalidModel: a replay differs from what it replays, or two prompts give one answer.
    """
    state = Trajectory(card, seed=0, steps=2, latent_frames=shape.frames).state

    def answer(prompt: int, *, is_captured: bool) -> NDArray[np.float32]:
        drawn = _draw_conditioning(card, prompt)
        for row in range(shape.rows):
            slots.put(row, state, drawn)
        if not step.run(_make_numbers(card, shape), is_captured=is_captured):
            raise InvalidModel(f"a step of {shape} is not finite")
        return slots.get(shape.rows - 1)

    plain = answer(0, is_captured=False)
    answer(1, is_captured=True)  # captures, where the device does
    replayed, other = answer(0, is_captured=True), answer(1, is_captured=True)
    error = np.linalg.norm(replayed - plain) / np.linalg.norm(plain)
    if not error <= _MAX_ERROR:
        raise InvalidModel(f"a replayed step of {shape} is off by {error:.1e}")
    if np.array_equal(replayed, other):
        raise InvalidModel(f"a replayed step of {shape} answers two prompts alike")


def _make_numbers(card: ModelCard, shape: StepShape) -> NDArray[np.float32]:
    trajectory = Trajectory(card, seed=0, steps=2, latent_frames=1)
    scale = max(2.0, card.default_guidance_scale) if shape.is_guided else 1.0
    a, b, c, _ = trajectory.scalars
    row = (trajectory.sigma, scale, (a, b, c, 0.0))
    return np.stack([numbers_of(at, at, *row) for at in range(shape.rows)])


def _draw_conditioning(card: ModelCard, prompt: int) -> Tensors:
    random = np.random.default_rng(prompt)
    return {
        spec.name: np.ones((1, *spec.dims), np.int64)
        if NUMPY_DTYPES[spec.dtype] is np.int64
        else random.standard_normal((1, *spec.dims), np.float32)
        for spec in list_conditioning(card)
    }


def _time(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TIMED):
        begin = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begin)
    return sorted(taken)[len(taken) // 2]
