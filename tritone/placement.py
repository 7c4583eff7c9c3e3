"""Where a model's transformer runs: in the denoiser's own process, or as a Triton model."""

import importlib.util

TRANSFORMER = "transformer"
"""The denoiser's parameter that names the Triton model of the transformer."""

IN_PROCESS = "transformer_in_process"
"""The denoiser's parameter that says who loads it: `auto`, `true` (the denoiser) or `false`."""


def is_in_process(value: str | None) -> bool:
    """Return whether a denoiser whose `IN_PROCESS` has this value loads the transformer itself.

    `auto` asks whether this Python has ONNX Runtime: NVIDIA's images have it as a backend of
    Triton only. Whoever starts Triton asks the same, to load the transformer or not to.
    """
    if value == "auto":
        return importlib.util.find_spec("onnxruntime") is not None
    return value == "true"
