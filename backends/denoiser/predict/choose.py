"""Which way of calling the transformer a denoiser's configuration asks for."""

from __future__ import annotations

import importlib.util
import os
from functools import partial
from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.denoiser import parameters
from backends.denoiser.predict.bls import BlsTransformer
from backends.denoiser.predict.rows import Predictors
from backends.denoiser.steps import OneLane
from backends.errors import InvalidParameter
from backends.triton import ModelConfig, find_parameter, require_parameter
from tritone.card import ModelCard
from tritone.placement import (
    CPU,
    IN_PROCESS,
    LARGE_BYTES,
    TRANSFORMER,
    count_bytes,
    find_device,
    has_gpu,
    read_callee,
    runs_in_process,
)
from tritone.tensors import list_carried, list_conditioning


def choose_predictors(
    args: dict[str, str], config: ModelConfig, card: ModelCard
) -> Predictors | OneLane:
    """Return how the lanes call the transformer, or steps on a device; `args` as `initialize`'s.

    The choice is said in the log: where a large network runs decides over everything else.

    Raises:
        TritonModelException: it does not load.
    """
    name, version = require_parameter(config, TRANSFORMER), args["model_version"]
    plan = read_callee(Path(args["model_repository"], version))
    folder = Path(args["model_repository"]).parent / name / version
    n_bytes = count_bytes(folder)
    if plan is None and runs_in_process(find_parameter(config, IN_PROCESS), n_bytes):
        _say_in_process(name, n_bytes)
        return _open_on_device(folder, config, card) or _open_in_process(folder, config, card)
    pb_utils.Logger.log_info(f"the transformer runs where Triton has {plan or name}{_price(card)}")
    model = BlsTransformer(plan or name, int(version), card)
    lanes = int(find_parameter(config, "lanes") or 1)
    return Predictors(lanes or 1, model, model)


def choose_decode_bucket(config: ModelConfig, card: ModelCard) -> int:
    """Return a number of latent frames, where jobs stay on the host.

    Decoded lengths are rounded up to a multiple of this. Triton's decoder may be on a GPU, whatever
    this process computes on.

    Raises:
        TritonModelException: the configuration's has no meaning.
    """
    try:
        text = find_parameter(config, parameters.DECODED)
        return parameters.read_decode_bucket(text, card, is_gpu=has_gpu())
    except InvalidParameter as error:
        raise pb_utils.TritonModelException(str(error)) from error


def choose_step_batch(config: ModelConfig) -> int:
    """Return how many jobs share a step where they stay on the host.

    `auto` is 1 there: how many pay is measured on a device only.

    Raises:
        TritonModelException: the configuration's has no meaning.
    """
    try:
        asked = parameters.read_step_batch(require_parameter(config, parameters.STEP_BATCH))
    except InvalidParameter as error:
        raise pb_utils.TritonModelException(str(error)) from error
    if asked is None:
        pb_utils.Logger.log_info(f"{parameters.STEP_BATCH} auto is 1 where jobs stay on the host")
    return asked or 1


def _price(card: ModelCard) -> str:
    # ADR 0013: only a caller in the same process can leave the other half of a row out.
    return "; every row costs a guided step there: Triton wants one batch" if card.guidance else ""


def _say_in_process(name: str, n_bytes: int) -> None:
    device = find_device()
    where = "on the CPU" if device == CPU else f"on {device}"
    said = f"{name} ({n_bytes / 1e6:.0f} MB) runs in the denoiser's process, {where}"
    if n_bytes > LARGE_BYTES and device == CPU and has_gpu():
        pb_utils.Logger.log_warn(f"{said}, although there is a GPU: {IN_PROCESS} says so")
    else:
        pb_utils.Logger.log_info(said)


def _open_on_device(folder: Path, config: ModelConfig, card: ModelCard) -> OneLane | None:
    """Return steps on the device, or None where they are not wanted or cannot be."""
    wanted, name = find_parameter(config, parameters.ON_DEVICE) or "auto", find_device()
    if wanted == "false" or (wanted == "auto" and name == CPU):
        return None
    if list_carried(card):
        _do_without(wanted, f"the guidance of {card.name} carries tensors from step to step")
        return None
    if any(min(spec.dims) < 0 for spec in list_conditioning(card)):
        _do_without(wanted, f"the conditioning of {card.name} comes in many lengths")
        return None
    if importlib.util.find_spec("onnx") is None:
        _do_without(wanted, "it needs the package onnx: pip install 'tritone[gpu]'")
        return None
    # Imported here only: whoever keeps jobs on the host needs neither.
    from backends.denoiser.device.opening import open_one_lane  # noqa: PLC0415
    from backends.onnxruntime.session import InvalidModel  # noqa: PLC0415

    try:
        return open_one_lane(folder, config, card, name, pb_utils.Logger.log_info)
    except InvalidParameter as error:
        raise pb_utils.TritonModelException(str(error)) from error
    except InvalidModel as error:
        _do_without(wanted, str(error))
        return None


def _do_without(wanted: str, reason: str) -> None:
    """Say why there are no steps on the device.

    Raises:
        TritonModelException: they are wanted whatever else.
    """
    if wanted == "true":
        raise pb_utils.TritonModelException(f"{parameters.ON_DEVICE}: {reason}")
    pb_utils.Logger.log_warn(f"jobs keep their state on the host: {reason}")


def _open_in_process(folder: Path, config: ModelConfig, card: ModelCard) -> Predictors:
    # Imported here only: a denoiser that calls a Triton model does not need ONNX Runtime.
    from backends.denoiser.predict.onnx import OnnxTransformer  # noqa: PLC0415
    from backends.onnxruntime.session import (  # noqa: PLC0415
        InvalidModel,
        Uncomputable,
        read_device_options,
    )

    cores, device = len(os.sched_getaffinity(0)), find_device()
    threads = int(find_parameter(config, "intra_op_thread_count") or cores)
    # A larger network uses all cores well in one lane, and a second copy costs too much memory.
    # A GPU is used well by one lane, whatever the network: several rows share its steps.
    is_small = count_bytes(folder) <= LARGE_BYTES and device == CPU
    lanes = int(find_parameter(config, "lanes") or 1) or (cores if is_small else 1)
    open_transformer = partial(
        OnnxTransformer, folder, card, device=device, device_options=read_device_options(config)
    )
    try:
        one_lane = open_transformer(threads=threads)
        if lanes == 1:
            return Predictors(1, one_lane, one_lane)
        # A small network does not use several threads well: each busy lane gets its own cores.
        many_lanes = open_transformer(threads=max(1, cores // lanes))
    except Uncomputable as error:
        raise pb_utils.TritonModelException(str(error)) from error
    except InvalidModel as error:
        raise pb_utils.TritonModelException(
            f"{error}; where the repository is not a plain folder, set the denoiser's parameter "
            f"'{IN_PROCESS}' to false and load {folder.parent.name} beside it"
        ) from error
    return Predictors(lanes, one_lane, many_lanes)
