"""ONNX Runtime sessions as a `config.pbtxt` describes them. Knows no Triton."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

from tritone.placement import CPU, find_device

DEFAULT_FILE = "model.onnx"

DEVICE_OPTIONS = ("gpu_mem_limit", "arena_extend_strategy", "cudnn_conv_algo_search", "use_tf32")
"""Parameters of a configuration that ONNX Runtime's CUDA provider understands, by its own names."""

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

_TRITON_TYPES = {
    "tensor(float)": "TYPE_FP32",
    "tensor(float16)": "TYPE_FP16",
    "tensor(int16)": "TYPE_INT16",
    "tensor(int32)": "TYPE_INT32",
    "tensor(int64)": "TYPE_INT64",
    "tensor(bool)": "TYPE_BOOL",
}


class InvalidModel(ValueError):
    """The network and its configuration do not fit together."""


class Uncomputable(InvalidModel):
    """ONNX Runtime has no operators of the network's types on that device."""


def find_model_file(version_folder: Path, config: dict[str, Any]) -> Path:
    """Return the network's file; a folder holds `model.onnx` and its external weights.

    Raises:
        InvalidModel: there is none.
    """
    path = version_folder / (config.get("default_model_filename") or DEFAULT_FILE)
    if path.is_dir():
        path /= DEFAULT_FILE
    if not path.is_file():
        raise InvalidModel(f"unable to find '{path}' for model '{config['name']}'")
    return path


def open_session(
    path: Path,
    *,
    threads: int = 0,
    inter_threads: int = 0,
    device: str = CPU,
    device_options: Mapping[str, str] | None = None,
) -> ort.InferenceSession:
    """Load a network; 0 threads are as many as there are cores.

    `device` is `cpu`, `cuda` or `cuda:1`; `device_options` are those of `DEVICE_OPTIONS`.

    Raises:
        InvalidModel: ONNX Runtime does not take it to that device.
    """
    options = ort.SessionOptions()
    # Never left to the default, which pins its threads to cores: two models would share one core.
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = inter_threads
    # Threads that spin while they wait starve the other models of a small machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = list_providers(device, device_options or {})
    try:
        session = ort.InferenceSession(str(path), options, providers=providers)
    except NoKernel as error:
        raise Uncomputable(
            f"ONNX Runtime lacks operators on {device} for '{path}' (in bf16 it has them on GPUs "
            f"only; --precision fp32 is for CPUs): {error}"
        ) from error
    if device != CPU and _CUDA not in session.get_providers():
        # Without a word it takes the CPU where a library of CUDA is missing.
        raise InvalidModel(f"ONNX Runtime does not take '{path}' to {device}: its log says why")
    return session


def list_providers(device: str, options: Mapping[str, str]) -> list[Any]:
    """Return ONNX Runtime's providers for a device; what a GPU lacks is computed on the CPU."""
    if device == CPU:
        return [_CPU]
    number = device.partition(":")[2] or "0"
    # The arena grows by what is asked for, not to the next power of two: others share the GPU.
    chosen = {"device_id": number, "arena_extend_strategy": "kSameAsRequested", **options}
    return [(_CUDA, chosen), _CPU]


def open_configured_session(path: Path, config: dict[str, Any]) -> ort.InferenceSession:
    """Load a network with what its configuration's `parameters` say, where this process is to.

    Raises:
        InvalidModel: ONNX Runtime does not take it there.
    """
    return open_session(
        path,
        threads=_parameter(config, "intra_op_thread_count"),
        inter_threads=_parameter(config, "inter_op_thread_count"),
        device=find_device(),
        device_options=read_device_options(config),
    )


def read_device_options(config: dict[str, Any]) -> dict[str, str]:
    """Return what a configuration's `parameters` say about GPUs."""
    parameters = config.get("parameters", {})
    return {
        key: str(parameters[key]["string_value"]) for key in DEVICE_OPTIONS if key in parameters
    }


def _parameter(config: dict[str, Any], key: str) -> int:
    entry = config.get("parameters", {}).get(key)
    return 0 if entry is None else int(entry["string_value"])


def check_tensors(session: ort.InferenceSession, config: dict[str, Any]) -> None:
    """Compare names, types and dims with the configuration, as the native backend does.

    Raises:
        InvalidModel: they differ; the model must not load.
    """
    batch_dims = [-1] if config["max_batch_size"] > 0 else []
    sides = (("input", session.get_inputs()), ("output", session.get_outputs()))
    for side, arguments in sides:
        by_name = {argument.name: argument for argument in arguments}
        for tensor in config[side]:
            if tensor["name"] not in by_name:
                allowed = ", ".join(by_name)
                raise InvalidModel(f"unexpected {side} '{tensor['name']}', allowed: {allowed}")
            _check_tensor(by_name[tensor["name"]], tensor, batch_dims)
    configured = {tensor["name"] for tensor in config["input"]}
    missing = [a.name for a in session.get_inputs() if a.name not in configured]
    if missing:
        raise InvalidModel(f"the configuration lacks inputs {', '.join(missing)}")


def _check_tensor(argument: ort.NodeArg, tensor: dict[str, Any], batch_dims: list[int]) -> None:
    name, data_type = tensor["name"], _TRITON_TYPES.get(argument.type, argument.type)
    if data_type != tensor["data_type"]:
        raise InvalidModel(
            f"tensor '{name}' is configured as {tensor['data_type']}, the model has {data_type}"
        )
    actual = [dim if isinstance(dim, int) else -1 for dim in argument.shape]
    configured = batch_dims + [int(dim) for dim in tensor["dims"]]
    pairs = zip(actual, configured, strict=False)
    if len(actual) != len(configured) or any(a != c and -1 not in (a, c) for a, c in pairs):
        raise InvalidModel(
            f"tensor '{name}' is configured with shape {configured}, the model has {actual}"
        )
