"""Which implementation of the `Predict` seam a denoiser's configuration asks for."""

from __future__ import annotations

import os
from pathlib import Path

import triton_python_backend_utils as pb_utils

from backends.denoiser.rows import Transformers
from backends.denoiser.transformer import TransformerModel
from backends.triton import ModelConfig, parameter, required_parameter
from tritone.card import ModelCard
from tritone.placement import IN_PROCESS, TRANSFORMER, is_in_process

# Above this the products are large enough to use all threads well, and a second copy is too dear.
_SMALL_BYTES = 256 << 20


def open_transformers(args: dict[str, str], config: ModelConfig, card: ModelCard) -> Transformers:
    """Return what the configuration asks for; `args` are those of `initialize`.

    Raises:
        TritonModelException: it does not load.
    """
    name, version = required_parameter(config, TRANSFORMER), args["model_version"]
    lanes = int(parameter(config, "lanes") or 1)
    if is_in_process(parameter(config, IN_PROCESS)):
        folder = Path(args["model_repository"]).parent / name / version
        return _in_process(folder, config, card, lanes)
    model = TransformerModel(name, int(version), card)
    return Transformers(lanes or 1, model, model)


def _in_process(folder: Path, config: ModelConfig, card: ModelCard, lanes: int) -> Transformers:
    # Imported here only: a denoiser that calls Triton needs no ONNX Runtime of its own.
    from backends.denoiser.in_process import InProcessTransformer, InvalidModel  # noqa: PLC0415

    cores = len(os.sched_getaffinity(0))
    threads = int(parameter(config, "intra_op_thread_count") or cores)
    is_small = sum(path.stat().st_size for path in folder.rglob("*")) <= _SMALL_BYTES
    lanes = lanes or (cores if is_small else 1)
    try:
        alone = InProcessTransformer(folder, card, threads=threads)
        if lanes == 1:
            return Transformers(1, alone, alone)
        # Small products do not use two threads well: beside others, each lane gets one core.
        beside = InProcessTransformer(folder, card, threads=max(1, cores // lanes))
    except InvalidModel as error:
        raise pb_utils.TritonModelException(
            f"{error}; where the repository is not a plain folder, set the denoiser's parameter "
            f"'{IN_PROCESS}' to false and load {folder.parent.name} beside it"
        ) from error
    return Transformers(lanes, alone, beside)
