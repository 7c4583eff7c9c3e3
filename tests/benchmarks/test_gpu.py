"""The GPU benchmark on a CPU: its items work, and nothing keeps the others from being measured."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.gpu_items.bench import Bench, Figures, Item, Missing
from tests.cards import STARTER_LIKE
from tritone import tensors
from tritone.sampling import Trajectory

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

if TYPE_CHECKING:
    from torch import Tensor

TINY = Bench(device="cpu", tiny=True)


def one_figure(_bench: Bench) -> Iterator[Figures]:
    yield {"figure": 1}


def without_library(_bench: Bench) -> Iterator[Figures]:
    raise Missing("it needs a library")
    yield {}


def broken(_bench: Bench) -> Iterator[Figures]:
    yield {"figure": 2}
    raise RuntimeError("CUDA error 700")


def endless(_bench: Bench) -> Iterator[Figures]:
    yield {"figure": 3}
    while True:
        time.sleep(0.01)


def measure(*items: Item, total_s: float = 60.0) -> list[Figures]:
    lines: list[Figures] = []
    gpu.run(items, TINY, total_s, lines.append)
    return lines


def test_whatever_one_item_does_the_others_are_measured() -> None:
    lines = measure(
        Item("missing", 5, without_library),
        Item("broken", 5, broken),
        Item("endless", 0.2, endless),
        Item("good", 5, one_figure),
    )
    assert {line["item"]: line["ended"] for line in lines if "ended" in line} == {
        "missing": "skipped: it needs a library",
        "broken": "failed: RuntimeError: CUDA error 700",
        "endless": "out of time",
        "good": "done",
    }
    assert [line["figure"] for line in lines if "figure" in line] == [2, 3, 1]


def test_the_whole_takes_no_longer_than_it_may() -> None:
    start = time.monotonic()
    lines = measure(Item("endless", 60, endless), Item("late", 60, one_figure), total_s=0.2)
    assert time.monotonic() - start < 10
    assert [line["ended"] for line in lines if "ended" in line] == ["out of time", "out of time"]


def test_all_boxes_together_are_not_much_longer_than_the_whole() -> None:
    assert gpu.TOTAL_S <= 9 * 60
    assert sum(item.box_s for item in gpu.ITEMS) <= 1.3 * gpu.TOTAL_S


@pytest.mark.parametrize(
    "name",
    [
        "machine",
        "copies",
        "steps on the device",
        "steps beside a decoder",
        "trajectory, Stable Audio 3",
    ],
)
def test_an_item_is_measured_here(name: str) -> None:
    (item,) = [each for each in gpu.ITEMS if each.name == name]
    lines = measure(replace(item, box_s=200), total_s=200)  # whatever else the machine does
    assert lines[-1]["ended"] == "done", lines
    assert len(lines) > 1


def test_a_trajectory_on_the_device_is_that_of_the_servers() -> None:
    from benchmarks.gpu_items.networks import Network
    from benchmarks.gpu_items.trajectories import DeviceTrajectory

    def denoise(latents: "Tensor", sigma: "Tensor", *_: "Tensor") -> "Tensor":
        return latents / (1 + sigma[:, :, None])

    card = replace(STARTER_LIKE, schedule=replace(STARTER_LIKE.schedule, eta=1.0))
    network = Network(denoise, tensors.transformer(card).inputs, card, "cpu")
    device = DeviceTrajectory(network, network.draw(1, 25), steps=5)

    found = device.run(device.step).numpy()[0]

    expected = Trajectory(card, seed=0, steps=5, latent_frames=25)
    expected.latents = device.start.numpy()[0]
    for noise in device.noise.numpy():
        level = np.float32(1 + expected.sigma)
        expected.advance(expected.latents / level, noise[0])
    assert np.abs(found - expected.latents).max() < 1e-4 * np.abs(expected.latents).max()
