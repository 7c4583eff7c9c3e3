"""ONNX Runtime sessions over tensors that stay where they are: their addresses never change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from backends.onnxruntime.session import InvalidModel, list_providers
from tritone.placement import CPU

Values = dict[str, ort.OrtValue]
"""Tensors on the device, by name."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph, and the folder of the file that holds its weights, if they have one."""

    model: onnx.ModelProto
    weights: Path | None = None


_CAPTURED, _NOT_CAPTURED = "1", "-1"
# With sizes known these would add up in another order than where they are not: other last bits.
_REORDERING = ["MatMulAddFusion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where steps are computed, and how."""

    name: str = CPU  # `cpu`, `cuda` or `cuda:1`
    options: Mapping[str, str] = field(default_factory=dict)  # `DEVICE_OPTIONS`
    captures: bool = True  # where the device can: steps are captured once, and replayed
    threads: int = 1  # of a CPU

    @property
    def is_cpu(self) -> bool:
        """Return whether it is the CPU."""
        return self.name == CPU

    def allocate(self, array: NDArray[Any]) -> ort.OrtValue:
        """Return a copy of an array on the device."""
        kind, _, number = self.name.partition(":")
        # On a CPU it would be the array itself.
        return ort.OrtValue.ortvalue_from_numpy(array.copy(), kind, int(number or 0))


class BoundSession:
    """One graph with all its inputs and outputs at fixed addresses of a device."""

    def __init__(
        self,
        graph: Graph,
        device: Device,
        values: Values,
        *,
        captures: bool = False,
        output_of: Mapping[str, str] | None = None,
    ) -> None:
        """Load a graph and bind its tensors to `values`.

        `output_of` says which value an output is written to: by default the one of its own name.

        Raises:
            InvalidModel: ONNX Runtime does not take it to that device.
        """
        self._captures = captures and device.captures and not device.is_cpu
        self._session = open_graph(graph, device, captures=self._captures)
        self._binding = self._session.io_binding()
        self.values = values
        self.inputs = [each.name for each in self._session.get_inputs()]
        for name in self.inputs:
            self._binding.bind_ortvalue_input(name, values[name])
        for each in self._session.get_outputs():
            target = (output_of or {}).get(each.name, each.name)
            self._binding.bind_ortvalue_output(each.name, values[target])

    def run(self, *, is_captured: bool = True) -> None:
        """Compute once, and wait for it; the first captured run captures, the next ones replay."""
        options = ort.RunOptions()
        if self._captures:
            graph_id = _CAPTURED if is_captured else _NOT_CAPTURED
            options.add_run_config_entry("gpu_graph_id", graph_id)
        self._session.run_with_iobinding(self._binding, options)


def open_graph(
    graph: Graph,
    device: Device,
    options: ort.SessionOptions | None = None,
    *,
    captures: bool = False,
) -> ort.InferenceSession:
    """Load a graph onto a device.

    Raises:
        InvalidModel: ONNX Runtime does not take it there.
    """
    options = options or ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = device.threads
    # One block with a place for everything: what is freed is not at once used again, while a CPU's
    # cache still holds it, and products of the starter's whole window take 2 % more.
    options.enable_mem_pattern = not device.is_cpu
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if graph.weights is not None:
        folder = "session.model_external_initializers_file_folder_path"
        options.add_session_config_entry(folder, str(graph.weights))
        # Mapped, not packed anew: that would be a second copy of gigabytes.
        options.add_session_config_entry(
            "session.disable_prepacking", "1" if device.is_cpu else "0"
        )
    providers = list_providers(device.name, device.options)
    if captures:
        (cuda, chosen), *others = providers
        providers = [(cuda, {**chosen, "enable_cuda_graph": "1"}), *others]
    try:
        session = ort.InferenceSession(
            graph.model.SerializeToString(),
            options,
            providers=providers,
            disabled_optimizers=_REORDERING if device.is_cpu else None,
        )
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise InvalidModel(
            f"ONNX Runtime does not take a step to {device.name}: {error}"
        ) from error
    if not device.is_cpu and "CUDAExecutionProvider" not in session.get_providers():
        raise InvalidModel(f"ONNX Runtime does not take a step to {device.name}: its log says why")
    return session


def read(value: ort.OrtValue) -> NDArray[Any]:
    """Return a copy of what lies on the device."""
    return np.array(value.numpy())
