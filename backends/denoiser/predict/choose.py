"""Which way of calling the transformer a denoiser's configuration asks for."""

from __future__ import annotations

import os
from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.denoiser.predict.bls import BlsTransformer
from backends.denoiser.predict.rows import Predictors
from backends.triton import ModelConfig, find_parameter, require_parameter
from tritone.card import ModelCard
from tritone.placement import IN_PROCESS, TRANSFORMER, runs_in_process

# A larger network uses all cores well in one lane, and a second copy of it costs too much memory.
_SMALL_BYTES = 256 << 20


def choose_predictors(args: dict[str, str], config: ModelConfig, card: ModelCard) -> Predictors:
    """Return how the lanes call the transformer; `args` are those of `initialize`.

    Raises:
        TritonModelException: it does not load.
    """
    name, version = require_parameter(config, TRANSFORMER), args["model_version"]
    lanes = int(find_parameter(config, "lanes") or 1)
    if runs_in_process(find_parameter(config, IN_PROCESS)):
        folder = Path(args["model_repository"]).parent / name / version
        return _open_in_process(folder, config, card, lanes)
    model = BlsTransformer(name, int(version), card)
    return Predictors(lanes or 1, model, model)


def _open_in_process(folder: Path, config: ModelConfig, card: ModelCard, lanes: int) -> Predictors:
    # Imported here only: a denoiser that calls a Triton model does not need ONNX Runtime.
    from backends.denoiser.predict.onnx import OnnxTransformer  # noqa: PLC0415
    from backends.onnxruntime.session import InvalidModel  # noqa: PLC0415

    cores = len(os.sched_getaffinity(0))
    threads = int(find_parameter(config, "intra_op_thread_count") or cores)
    is_small = sum(path.stat().st_size for path in folder.rglob("*")) <= _SMALL_BYTES
    lanes = lanes or (cores if is_small else 1)
    try:
        one_lane = OnnxTransformer(folder, card, threads=threads)
        if lanes == 1:
            return Predictors(1, one_lane, one_lane)
        # A small network does not use several threads well: each busy lane gets its own cores.
        many_lanes = OnnxTransformer(folder, card, threads=max(1, cores // lanes))
    except InvalidModel as error:
        raise pb_utils.TritonModelException(
            f"{error}; where the repository is not a plain folder, set the denoiser's parameter "
            f"'{IN_PROCESS}' to false and load {folder.parent.name} beside it"
        ) from error
    return Predictors(lanes, one_lane, many_lanes)
