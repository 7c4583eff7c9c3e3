"""TensorRT where it is served: its Python module, and the library that Triton itself links.

Neither is a dependency of ours: they belong to the serving image. Its `-py3` edition has the
libraries without the module; NVIDIA's bindings wheel alone, 1.3 MB, calls itself otherwise.
"""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from export.errors import EngineError

TRITON_BACKENDS = Path("/opt/tritonserver/backends")
OLDEST_TENSORRT = (10, 12)

_MODULES = ("tensorrt", "tensorrt_bindings")  # the same API under either name
_LIBRARY = re.compile(rb"libnvinfer\.so\.\d+")
# In a process of its own: one that has imported a wheel with libraries would be given those again.
_ASK = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).getInferLibVersion())"

Release = tuple[int, int, int]


def load_tensorrt(triton_backends: Path = TRITON_BACKENDS) -> Any:  # noqa: ANN401  # no types
    """Return TensorRT's Python module, of the release of the library that Triton links.

    Raises:
        EngineError: there is none, it is too old, or Triton links another one.
    """
    served = read_served_release(triton_backends)
    tensorrt = _import(served)
    found = parse_release(tensorrt.__version__)
    if found != served:
        raise EngineError(
            f"Triton's TensorRT here is {_dotted(served)}, the Python module is {_dotted(found)}, "
            f"and Triton could not load what it builds; {_remedy(served)}"
        )
    if served < OLDEST_TENSORRT:
        raise EngineError(f"TensorRT {_dotted(served)} is older than {_dotted(OLDEST_TENSORRT)}")
    return tensorrt


def read_served_release(triton_backends: Path) -> Release:
    """Return the release of the `libnvinfer` that Triton's TensorRT backend links.

    Raises:
        EngineError: there is no such backend here, or its library does not load.
    """
    backend = triton_backends / "tensorrt" / "libtriton_tensorrt.so"
    try:
        linked = _LIBRARY.search(backend.read_bytes())
    except OSError as error:
        raise EngineError(
            f"Triton's TensorRT backend is not installed here ({backend}): run this inside the "
            "container image that serves (nvcr.io/nvidia/tritonserver), on the GPU that serves",
            detail=str(error),
        ) from error
    name = linked.group().decode() if linked else "libnvinfer.so"
    asked = subprocess.run(
        [sys.executable, "-c", _ASK, name], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise EngineError(f"{name}, which Triton links, does not load", detail=asked.stderr)
    return _from_number(int(asked.stdout))


def parse_release(version: str) -> Release:
    """Return the three numbers by which plans are told apart, of a version as in 10.14.1.48."""
    major, minor, patch = (int(part) for part in version.split(".")[:3])
    return major, minor, patch


def _import(served: Release) -> Any:  # noqa: ANN401
    said = []
    for name in _MODULES:
        try:
            return import_module(name)
        except ImportError as error:
            said.append(str(error))
    raise EngineError(
        f"TensorRT's Python module is not installed here; {_remedy(served)}", detail="\n".join(said)
    )


def _remedy(served: Release) -> str:
    wheel = f"tensorrt-cu13-bindings=={_dotted(served)}.*"
    return f"run: python3 -m pip install --no-deps '{wheel}' (cu12 where CUDA is 12)"


def _from_number(number: int) -> Release:
    # 101401 is 10.14.1. Source: NvInferVersion.h of 10.0 and later (read 2026-11-29).
    return number // 10_000, number // 100 % 100, number % 100


def _dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))
