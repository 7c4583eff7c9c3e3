"""What is checked and measured before a denoiser on a device is ready."""

from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from backends.denoiser.device import warm_up
from backends.denoiser.device.session import Device, Graph
from backends.denoiser.device.slots import Slots
from backends.denoiser.device.step_graph import STATE, StepShape
from backends.denoiser.device.steps import Step
from backends.denoiser.device.warm_up import Choices, choose_rows, list_rows, open_steps
from backends.onnxruntime.session import InvalidModel
from tests.backends.denoiser.device.networks import open_lane, write_network
from tests.cards import STARTER_LIKE

CARD = STARTER_LIKE
Numbers = NDArray[np.float32]


def test_every_shape_is_ready_before_the_first_sound(tmp_path: Path) -> None:
    choices = Choices(lengths=(25, 250), step_batch=3)
    opened = open_steps(write_network(tmp_path, CARD), CARD, Device(), choices)
    assert set(opened.seconds) == {
        StepShape(frames, rows, is_guided)
        for frames in (25, 250)
        for rows in (1, 2, 3)
        for is_guided in (False, True)
    }


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        ({1: 1.0, 2: 1.1, 4: 1.5, 8: 1.9}, 8),  # a GPU that was mostly idle
        ({1: 1.0, 2: 1.1, 4: 1.5, 8: 2.5}, 4),  # later ones take too long
        ({1: 1.0, 2: 2.0, 4: 4.0}, 1),  # a CPU
        ({1: 1.0, 2: 1.2, 4: 2.35}, 2),  # hardly more for so much patience
        ({1: 1.0}, 1),
    ],
)
def test_rows_are_as_many_as_pay(seconds: dict[int, float], rows: int) -> None:
    assert choose_rows(seconds, slowdown=2.0) == rows


@pytest.mark.parametrize(("step_batch", "rows"), [(1, [1]), (4, [1, 2, 4]), (6, [1, 2, 4, 6])])
def test_a_step_batch_always_has_a_step(step_batch: int, rows: list[int]) -> None:
    assert list_rows(step_batch) == rows


def test_a_step_batch_is_measured_as_far_as_the_memory_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small(Step):
        def __init__(
            self, graph: Graph, slots: Slots, device: Device, size: tuple[int, int, int]
        ) -> None:
            if size[0] > 2:
                raise InvalidModel("CUDA out of memory")
            super().__init__(graph, slots, device, size)

    monkeypatch.setattr(warm_up, "Step", Small)
    monkeypatch.setattr(warm_up, "_time", lambda _: 0.001)  # whatever is shared costs nothing
    said: list[str] = []
    choices = Choices(lengths=(25,), step_batch=None)
    opened = open_steps(write_network(tmp_path, CARD), CARD, Device(), choices, said.append)
    assert opened.step_batch == 2
    assert {shape.rows for shape in opened.seconds} == {1, 2}
    assert said == ["no step of 4 rows: CUDA out of memory"]


class Broken(Step):
    """A capture that went wrong: its replays do something else."""

    def run(
        self, numbers: Numbers, noise: Numbers | None = None, *, is_captured: bool = True
    ) -> bool:
        if is_captured:
            self.spoil()
        return super().run(numbers, noise, is_captured=is_captured)

    def spoil(self) -> None: ...


class Deaf(Broken):
    def spoil(self) -> None:
        slots = self._session.values["slots_of_conditioning"]
        slots.update_inplace(np.zeros(slots.shape(), np.float32))


class Stale(Broken):
    def spoil(self) -> None:
        state = self._session.values[STATE]
        state.update_inplace(np.ones(state.shape(), np.float32))


@pytest.mark.parametrize(("kind", "said"), [(Deaf, "off by|alike"), (Stale, "off by")])
def test_a_capture_that_went_wrong_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Broken], said: str
) -> None:
    monkeypatch.setattr(warm_up, "Step", kind)
    with pytest.raises(InvalidModel, match=said):
        open_lane(write_network(tmp_path, CARD), CARD, 25, 1)


def test_two_prompts_that_sound_alike_are_a_fault_even_if_replays_are_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = warm_up._draw_conditioning
    monkeypatch.setattr(warm_up, "_draw_conditioning", lambda card, _: draw(card, 0))
    with pytest.raises(InvalidModel, match="two prompts alike"):
        open_lane(write_network(tmp_path, CARD), CARD, 25, 1)


REAL = ort.InferenceSession


class Recorded:
    """Stands in for a session of ONNX Runtime on a GPU: notes how it was opened and run."""

    opened: ClassVar[list[dict[str, str]]] = []
    graph_ids: ClassVar[list[str]] = []

    def __init__(
        self,
        graph: bytes,
        _options: object,
        *,
        providers: list[tuple[str, dict[str, str]]],
        **_more: object,
    ) -> None:
        assert providers[0][0] == "CUDAExecutionProvider"
        Recorded.opened.append(providers[0][1])
        self._real = REAL(graph, providers=["CPUExecutionProvider"])

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def get_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def run_with_iobinding(self, binding: object, options: ort.RunOptions) -> None:
        with suppress(RuntimeError):  # it has none
            Recorded.graph_ids.append(options.get_run_config_entry("gpu_graph_id"))
        self._real.run_with_iobinding(binding)


class OnGpu(Device):
    """A GPU whose memory is the host's."""

    def allocate(self, array: NDArray[Any]) -> ort.OrtValue:
        return Device().allocate(array)


@pytest.mark.parametrize("captures", [True, False])
def test_on_a_gpu_steps_are_captured_and_what_moves_rows_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, captures: bool
) -> None:
    Recorded.opened.clear()
    Recorded.graph_ids.clear()
    monkeypatch.setattr(ort, "InferenceSession", Recorded)
    device = OnGpu(name="cuda:1", options={"gpu_mem_limit": "8000000000"}, captures=captures)
    choices = Choices(lengths=(25,), step_batch=1)

    open_steps(write_network(tmp_path, CARD), CARD, device, choices)

    assert all(each["device_id"] == "1" for each in Recorded.opened)
    assert all(each["gpu_mem_limit"] == "8000000000" for each in Recorded.opened)
    n_captured = sum(each.get("enable_cuda_graph") == "1" for each in Recorded.opened)
    assert n_captured == (2 if captures else 0)  # guided and not; not the two that move rows
    if captures:
        # First without, to compare with; then captured, and replayed ever after.
        assert Recorded.graph_ids[0] == "-1"
        assert set(Recorded.graph_ids[1:6]) == {"1"}
    else:
        assert not Recorded.graph_ids


def test_a_gpu_that_onnx_runtime_does_not_take_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnCpu(Recorded):
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(ort, "InferenceSession", OnCpu)
    with pytest.raises(InvalidModel, match="does not take a step to cuda"):
        open_steps(
            write_network(tmp_path, CARD),
            CARD,
            OnGpu(name="cuda"),
            Choices(lengths=(25,), step_batch=1),
        )
