"""The machine, and how fast it can be at best: copies and products of matrices."""

import importlib.metadata
import platform
from collections.abc import Iterator
from functools import partial

from benchmarks.gpu_items.bench import Bench, Figures

_PACKAGES = ("torch", "diffusers", "onnxruntime", "onnxruntime-gpu", "tensorrt", "nvidia-pytriton")


def measure_machine(bench: Bench) -> Iterator[Figures]:
    """Give the versions of what runs, and the device."""
    import torch  # noqa: PLC0415

    found: Figures = {"python": platform.python_version(), "cuda": torch.version.cuda}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    try:
        import onnxruntime  # noqa: PLC0415

        found["providers"] = onnxruntime.get_available_providers()
    except ImportError:
        found["providers"] = []
    if bench.is_gpu:
        device = torch.cuda.get_device_properties(bench.device)
        found |= {
            "gpu": device.name,
            "architecture": f"sm_{device.major}{device.minor}",
            "multiprocessors": device.multi_processor_count,
            "memory_gib": round(device.total_memory / 2**30, 1),
        }
    yield found


def measure_copies(bench: Bench) -> Iterator[Figures]:
    """Give GB/s to the device, back, and within it; pinned and pageable."""
    import torch  # noqa: PLC0415

    size = 2**20 if bench.tiny else 2**28
    there = torch.empty(size, dtype=torch.uint8, device=bench.device)
    for is_pinned in (False, True) if bench.is_gpu else (False,):
        here = torch.empty(size, dtype=torch.uint8, pin_memory=is_pinned)
        for way, target, source in (("to", there, here), ("from", here, there)):
            seconds = bench.seconds(partial(target.copy_, source, non_blocking=True))
            yield {"way": way, "pinned": is_pinned, "gb_per_s": size / seconds / 1e9}
    other = torch.empty_like(there)
    seconds = bench.seconds(partial(other.copy_, there))
    yield {"way": "within", "pinned": False, "gb_per_s": 2 * size / seconds / 1e9}


def measure_products(bench: Bench) -> Iterator[Figures]:
    """Give TFLOP/s of a large product of matrices, by type."""
    import torch  # noqa: PLC0415

    size = 128 if bench.tiny else 8192
    for name in ("float32", "float16", "bfloat16"):
        left = torch.randn(size, size, device=bench.device).to(getattr(torch, name))
        for tf32 in (False, True) if bench.is_gpu and name == "float32" else (False,):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            seconds = bench.seconds(partial(torch.matmul, left, left))
            yield {"dtype": name, "tf32": tf32, "tflops": 2 * size**3 / seconds / 1e12}
        torch.backends.cuda.matmul.allow_tf32 = False
