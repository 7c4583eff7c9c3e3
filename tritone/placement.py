"""Where a network runs: in the process of the backend that calls it, or as a Triton model."""

import importlib.util

TRANSFORMER = "transformer"
"""The denoiser's parameter that names the Triton model of the transformer."""

IN_PROCESS = "transformer_in_process"
"""The denoiser's parameter that says who loads it: `auto`, `true` (the denoiser) or `false`."""


NETWORK = "network"
"""The parameter of a model that speaks that names the Triton model of its network."""

NETWORK_IN_PROCESS = "network_in_process"
"""The same as `IN_PROCESS`, for that network."""

THREADS = "network_threads"
"""How many threads a call of that network takes in the speaker's own process; absent: one."""


def runs_in_process(value: str | None) -> bool:
    """Return whether a backend whose `IN_PROCESS` has this value loads the network itself.

    `auto` asks whether this Python has ONNX Runtime: NVIDIA's images have it as a backend of
    Triton only. Whoever starts Triton asks the same, to load the transformer or not to.
    """
    if value == "auto":
        return importlib.util.find_spec("onnxruntime") is not None
    return value == "true"
