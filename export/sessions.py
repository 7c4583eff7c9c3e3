"""Exported networks on ONNX Runtime, for checks. Needs no torch."""

from collections.abc import Callable, Mapping
from pathlib import Path

from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

from export.bf16 import read_for_cpu
from export.probes import Array, Arrays

Run = Callable[[Mapping[str, Array]], Arrays]
"""Inputs by name to outputs by name; inputs that a network does not take are left out."""

Open = Callable[[Path], Run]
"""A file to its network."""


def data_file(path: Path) -> Path:
    """Return where the weights of a network lie if they are too large for its own file."""
    return path.with_name(path.name + ".data")


def open_network(path: Path, *, threads: int = 2) -> Run:
    """Load a network for the CPU.

    Large weights are mapped into memory, not repacked: 4 GB load in 0.2 s instead of 23 s. One in
    bf16, of which ONNX Runtime computes nothing on CPUs, computes in float32 and rounds to bf16
    after every operator (`export.bf16`).
    """
    options = SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # Spinning threads starve each other where other processes use the same cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    is_large = data_file(path).exists()
    options.add_session_config_entry("session.disable_prepacking", "1" if is_large else "0")
    providers = ["CPUExecutionProvider"]
    try:
        session = InferenceSession(str(path), options, providers=providers)
    except NoKernel:
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path", str(path.parent)
        )
        rounding = read_for_cpu(path).SerializeToString()
        session = InferenceSession(rounding, options, providers=providers)
    inputs = [value.name for value in session.get_inputs()]
    outputs = [value.name for value in session.get_outputs()]

    def run(given: Mapping[str, Array]) -> Arrays:
        taken = {name: given[name] for name in inputs}
        return dict(zip(outputs, session.run(outputs, taken), strict=True))

    return run
