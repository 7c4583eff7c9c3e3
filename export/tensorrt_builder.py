"""Building a TensorRT plan from an ONNX file.

Networks are strongly typed: precision is that of the ONNX file. The library is imported when a plan
is built, because it is there only in the serving image.
Source: TensorRT 10.12 and 11, Python API and migration guide (read 2026-11-20). Never run on a GPU
by our own tests, which use a stand-in for the library.
"""

import ctypes
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from export.errors import ExportError
from export.hashing import file_hash
from export.plans import MODEL_FILE, PLAN_FILE, RECORD_FILE, PlanRecord, replace_file
from tritone import tensors
from tritone.card import ModelCard
from tritone.tensors import ModelIO

OLDEST_TENSORRT = (10, 12)
_ALWAYS_STRONGLY_TYPED = 11  # from this major version on there is no flag for it

Network = Literal["text_encoder", "transformer", "vae_decoder"]

NETWORKS: dict[Network, Callable[[ModelCard], ModelIO]] = {
    "text_encoder": tensors.text_encoder,
    "transformer": tensors.transformer,
    "vae_decoder": tensors.vae_decoder,
}

Shape = tuple[int, ...]
Profile = dict[str, tuple[Shape, Shape, Shape]]
"""Smallest, most usual and largest shape of every input, the batch included."""


class EngineError(ExportError):
    """A plan cannot be built here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What a plan is tuned for."""

    usual_batch: int = 4
    max_batch: int = 8
    workspace_gib: int = 8
    timing_cache: Path | None = None  # makes later builds on the same GPU quicker


def load_tensorrt() -> Any:  # noqa: ANN401  # a module that is only there in the serving image
    """Return the `tensorrt` module.

    Raises:
        EngineError: it is not installed, or too old.
    """
    try:
        tensorrt = import_module("tensorrt")
    except ImportError as error:
        raise EngineError(
            "TensorRT is not installed here: run this inside the container image that serves "
            "(nvcr.io/nvidia/tritonserver), on the GPU that serves",
            detail=str(error),
        ) from error
    if _release(tensorrt.__version__) < OLDEST_TENSORRT:
        oldest = ".".join(map(str, OLDEST_TENSORRT))
        raise EngineError(f"TensorRT {tensorrt.__version__} is older than {oldest}")
    return tensorrt


def gpu_architecture() -> str:
    """Return the first GPU's compute capability, as in "sm_90".

    Raises:
        EngineError: there is no NVIDIA driver or no GPU.
    """
    major, minor = ctypes.c_int(), ctypes.c_int()
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise EngineError("there is no NVIDIA driver here (libcuda.so.1)") from error
    # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR, of device 0
    failed = cuda.cuInit(0)
    failed = failed or cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, 0)
    failed = failed or cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, 0)
    if failed:
        raise EngineError(f"there is no usable NVIDIA GPU here (CUDA error {failed})")
    return f"sm_{major.value}{minor.value}"


def make_profile(card: ModelCard, component: Network, options: EngineOptions) -> Profile:
    """Return the shapes a network is served with.

    From one row of the shortest sound to a full batch of the whole window.
    """
    window = card.max_frames
    # A decoder may get fewer frames than one bucket: only those that were asked for.
    shortest = 1 if component == "vae_decoder" else min(card.frame_bucket, window)
    asked = -(-card.default_seconds * card.sample_rate // card.samples_per_frame)
    usual = min(window, -(-int(asked) // card.frame_bucket) * card.frame_bucket)
    rows = (1, min(options.usual_batch, options.max_batch), options.max_batch)
    frames = (shortest, usual, window)

    def shape(dims: Shape, position: int) -> Shape:
        return rows[position], *(frames[position] if dim < 0 else dim for dim in dims)

    return {
        spec.name: (shape(spec.dims, 0), shape(spec.dims, 1), shape(spec.dims, 2))
        for spec in NETWORKS[component](card).inputs
    }


def build_plan(
    folder: Path, profile: Profile, options: EngineOptions, architecture: str
) -> PlanRecord:
    """Build `model.plan` from the `model.onnx` of a version folder, and `plan.json` beside it.

    Raises:
        EngineError: TensorRT is missing, cannot read the network, or cannot build it.
    """
    tensorrt = load_tensorrt()
    logger = tensorrt.Logger(tensorrt.Logger.WARNING)
    builder = tensorrt.Builder(logger)
    network = builder.create_network(_network_flags(tensorrt))
    _parse(tensorrt.OnnxParser(network, logger), folder / MODEL_FILE)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, options.workspace_gib * 2**30)
    shapes = builder.create_optimization_profile()
    for name, (smallest, usual, largest) in profile.items():
        shapes.set_shape(name, smallest, usual, largest)
    config.add_optimization_profile(shapes)
    plan = _build(builder, network, config, options.timing_cache)
    record = PlanRecord(
        tensorrt=tensorrt.__version__,
        architecture=architecture,
        network_sha256=file_hash(folder / MODEL_FILE),
        plan_sha256=hashlib.sha256(plan).hexdigest(),
        profile={name: [list(shape) for shape in three] for name, three in profile.items()},
    )
    replace_file(folder / PLAN_FILE, plan)
    record.write(folder / RECORD_FILE)
    return record


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _network_flags(tensorrt: Any) -> int:  # noqa: ANN401
    if _release(tensorrt.__version__)[0] >= _ALWAYS_STRONGLY_TYPED:
        return 0
    return 1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def _parse(parser: Any, path: Path) -> None:  # noqa: ANN401
    # From the file, not from its bytes: large weights lie in a second file beside it.
    if not parser.parse_from_file(str(path)):
        said = "\n".join(str(parser.get_error(i)) for i in range(parser.num_errors))
        raise EngineError(f"TensorRT cannot read {path}", detail=said)


def _build(builder: Any, network: Any, config: Any, cache_path: Path | None) -> bytes:  # noqa: ANN401
    if cache_path is not None:
        known = cache_path.read_bytes() if cache_path.is_file() else b""
        config.set_timing_cache(config.create_timing_cache(known), False)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError("TensorRT cannot build the network; its log above says why")
    if cache_path is not None:
        replace_file(cache_path, bytes(config.get_timing_cache().serialize()))
    return bytes(plan)
