"""Whole sounds on the device: every step of a trajectory, its solver and its scalars in one graph.

A step reads its four scalars and its noise level from tables on the device, by a counter that it
moves itself, so a captured step can be replayed as often as there are steps.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gpu_items.bench import Bench, Figures
from benchmarks.gpu_items.networks import DTYPES, Network, list_frames, place
from tritone import tensors
from tritone.schedules import make_schedule

if TYPE_CHECKING:
    import torch

_STEPS = {"stable_audio": 100, "stable_audio_3": 8}
_TINY_STEPS = 3
_MIN_DIFFERENCE = 1e-3  # relative, between two prompts: as for the exporter


class DeviceTrajectory:
    """One batch of sounds; `step` may be called, or captured and replayed."""

    def __init__(self, network: Network, inputs: "list[torch.Tensor]", steps: int) -> None:
        """Start at the same noise at every `reset`; `inputs` are those of the network."""
        import torch  # noqa: PLC0415

        self._network = network
        names = [spec.name for spec in network.inputs]
        self._inputs = inputs
        self._latents = inputs[names.index(tensors.LATENTS)]
        self._sigma = inputs[names.index(tensors.SIGMA)]
        card = network.card
        self.steps = steps
        schedule = make_schedule(card.spec.schedule, steps, card.schedule)
        device = network.device
        self._sigmas = torch.tensor(schedule.sigmas[:-1], dtype=torch.float32, device=device)
        table = np.stack([schedule.a, schedule.b, schedule.c, schedule.d], axis=1)
        self._table = torch.tensor(table, dtype=torch.float32, device=device)
        generator = torch.Generator(device).manual_seed(0)
        self.noise = torch.randn((steps, *self._latents.shape), generator=generator, device=device)
        self.start = torch.randn(self._latents.shape, generator=generator, device=device)
        self.start *= float(schedule.initial_scale)
        self._previous = torch.zeros_like(self._latents)
        self._at = torch.zeros(1, dtype=torch.int64, device=device)

    def reset(self) -> None:
        """Begin anew."""
        self._latents.copy_(self.start)
        self._previous.zero_()
        self._at.zero_()

    def step(self) -> None:
        """Do one step, on the device alone."""
        self._sigma.copy_(self._sigmas[self._at].expand_as(self._sigma))
        denoised = self._network.call(self._inputs)
        a, b, c, d = self._table[self._at][0]
        noise = self.noise[self._at][0]
        self._latents.copy_(a * self._latents + b * denoised + c * self._previous + d * noise)
        self._previous.copy_(denoised)
        self._at += 1

    def capture(self) -> Callable[[], object]:
        """Return a replay of one step."""
        import torch  # noqa: PLC0415

        self.reset()
        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            self.step()
        torch.cuda.synchronize()
        self.reset()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay

    def run(self, step: Callable[[], object]) -> "torch.Tensor":
        """Return the latents after all steps."""
        self.reset()
        for _ in range(self.steps):
            step()
        return self._latents


def measure_trajectory(family: str, bench: Bench) -> Iterator[Figures]:
    """Give seconds of a whole trajectory, and whether replays are what they replay."""
    network = place(family, "transformer", bench, DTYPES[0])
    steps = _TINY_STEPS if bench.tiny else _STEPS[family]
    for frames in list_frames(family, network.card, bench):
        inputs = network.draw(1, frames)
        trajectory = DeviceTrajectory(network, inputs, steps)
        eager = trajectory.run(trajectory.step).clone()
        figures = {"family": family, "dtype": DTYPES[0], "steps": steps, "frames": frames}
        taken_s = bench.seconds(partial(trajectory.run, trajectory.step))
        yield {**figures, "mode": "eager", "seconds": taken_s}
        if bench.is_gpu:
            replay = trajectory.capture()
            replayed = trajectory.run(replay).clone()
            taken_s = bench.seconds(partial(trajectory.run, replay))
            yield {
                **figures,
                "mode": "graph",
                "seconds": taken_s,
                "off_eager": relative(replayed, eager),
                "prompts_differ": _compare_prompts(trajectory, inputs, network, replay),
            }


def relative(found: "torch.Tensor", expected: "torch.Tensor") -> float:
    """Return the relative L2 error."""
    difference = (found.float() - expected.float()).norm() / expected.float().norm()
    return float(difference)


def _compare_prompts(
    trajectory: DeviceTrajectory,
    inputs: "list[torch.Tensor]",
    network: Network,
    replay: Callable[[], object],
) -> bool:
    """Return whether other conditioning, written over the first, changes a replay's answer."""
    first = trajectory.run(replay).clone()
    names = [spec.name for spec in network.inputs]
    conditioning = inputs[names.index(tensors.CONDITIONING)]
    conditioning.copy_(conditioning.flip(1) * -1.0)
    return relative(trajectory.run(replay), first) > _MIN_DIFFERENCE
