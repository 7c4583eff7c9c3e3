"""The starter's networks on ONNX Runtime: a plain run, and one whose tensors stay on the device."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu_items.bench import Bench, Figures, Missing

_REPOSITORY = Path(__file__).parents[2] / "model_repository"
_FRAMES = (25, 100, 190)


def measure_steps(bench: Bench) -> Iterator[Figures]:
    """Give milliseconds of a step by rows and length; the difference is what copies cost."""
    session, device = _open(bench)
    for frames in _FRAMES[:1] if bench.tiny else _FRAMES:
        for rows in bench.rows:
            feed = _draw(session, rows, frames)
            figures = {"rows": rows, "frames": frames, "device": device}
            run_s = bench.seconds(partial(session.run, None, feed))
            yield {**figures, "mode": "run", "ms": 1000 * run_s}
            binding = _bind(session, feed, device)
            bound_s = bench.seconds(partial(session.run_with_iobinding, binding))
            yield {**figures, "mode": "bound", "ms": 1000 * bound_s}


def _open(bench: Bench) -> tuple[Any, str]:
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise Missing("it needs onnxruntime") from error
    provider = "CUDAExecutionProvider" if bench.is_gpu else "CPUExecutionProvider"
    if provider not in onnxruntime.get_available_providers():
        raise Missing(f"this onnxruntime has no {provider}: install onnxruntime-gpu")
    path = _REPOSITORY / "starter_transformer" / "1" / "model.onnx"
    session = onnxruntime.InferenceSession(path, providers=[provider])
    return session, "cuda" if bench.is_gpu else "cpu"


def _draw(session: Any, rows: int, frames: int) -> dict[str, Any]:  # noqa: ANN401
    random = np.random.default_rng(0)
    sizes = {"batch": rows, "guided": rows, "frames": frames}
    return {
        each.name: random.random([sizes.get(dim, dim) for dim in each.shape], np.float32)
        for each in session.get_inputs()
    }


def _bind(session: Any, feed: dict[str, Any], device: str) -> Any:  # noqa: ANN401
    import onnxruntime  # noqa: PLC0415

    binding = session.io_binding()
    for name, array in feed.items():
        value = onnxruntime.OrtValue.ortvalue_from_numpy(array, device, 0)
        binding.bind_ortvalue_input(name, value)
    for each in session.get_outputs():
        binding.bind_output(each.name, device, 0)
    return binding
