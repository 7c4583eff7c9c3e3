"""Where a network runs: in the process of the backend that calls it, or as a Triton model."""

import importlib.util
import os
from pathlib import Path

from tritone.environment import PREFIX

CPU = "cpu"

TRANSFORMER = "transformer"
"""The denoiser's parameter that names the Triton model of the transformer."""

CALLEE_FILE = "transformer"
"""A file in a denoiser's version folder: the Triton model of that version's transformer.

Where there is none, the denoiser's configuration names it: `TRANSFORMER`.
"""

IN_PROCESS = "transformer_in_process"
"""The denoiser's parameter that says who loads it: `auto`, `true` (the denoiser) or `false`."""


NETWORK = "network"
"""The parameter of a model that speaks that names the Triton model of its network."""

NETWORK_IN_PROCESS = "network_in_process"
"""The same as `IN_PROCESS`, for that network."""

FEATURES_FILE, FRAMES_FILE = "features.onnx", "frames.onnx"
"""The halves of a network, beside the whole in its version: what the speaker's process loads."""

THREADS = "network_threads"
"""How many threads a call of that network takes in the speaker's own process; absent: one."""


DEVICE_VARIABLE = f"{PREFIX}DEVICE"
"""Where ONNX Runtime computes in the processes of our backends: `cpu`, `cuda` or `cuda:1`.

`tritone up --gpu` sets it for Triton and its backends.
"""

LARGE_BYTES = 256 << 20
"""A larger network belongs on a GPU where there is one."""


def find_device() -> str:
    """Return where ONNX Runtime is to compute in this process."""
    return os.environ.get(DEVICE_VARIABLE, CPU)


def has_gpu() -> bool:
    """Return whether the machine has an NVIDIA GPU and its driver."""
    return Path("/dev/nvidiactl").exists()


def count_bytes(version_folder: Path) -> int:
    """Return the size of a network: of all files of one version; 0 where they are not seen."""
    return sum(path.stat().st_size for path in version_folder.rglob("*") if path.is_file())


def read_callee(denoiser_version: Path) -> str | None:
    """Return the Triton model that a version of a denoiser must call, or None: it says none."""
    path = denoiser_version / CALLEE_FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def runs_in_process(value: str | None, n_bytes: int = 0) -> bool:
    """Return whether a backend whose `IN_PROCESS` has this value loads the network itself: on CPUs.

    `auto` asks whether this Python has ONNX Runtime: NVIDIA's images have it as a backend of
    Triton only. A network of `n_bytes` that is large is left to Triton where there is a GPU that
    this process is not told to use.
    Whoever starts Triton asks the same, to load the transformer or not to.
    """
    if value != "auto":
        return value == "true"
    has_onnxruntime = importlib.util.find_spec("onnxruntime") is not None
    is_left = n_bytes > LARGE_BYTES and has_gpu() and find_device() == CPU
    return has_onnxruntime and not is_left
