"""What every backend needs of `triton_python_backend_utils`: its configuration and its errors.

Imported inside Triton's python stub only. `pb_utils.TritonError` and its like do not exist yet
while a backend is being imported, so no line at module level may touch them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from backends.early_cancels import EarlyCancels
from backends.errors import Code, RequestFailed
from backends.tensors import Tensors
from tritone.card import CARD_PARAMETER, ModelCard
from tritone.refusals import CANCELLED
from tritone.tensors import JOB_ID

ModelConfig = dict[str, Any]
"""Triton's own JSON of one `config.pbtxt`."""


def read_config(args: dict[str, str]) -> ModelConfig:
    """Return the configuration of the model that `initialize` is called for."""
    config: ModelConfig = json.loads(args["model_config"])
    return config


def find_parameter(config: ModelConfig, key: str) -> str | None:
    """Return one entry of `parameters`, or None."""
    entry = config.get("parameters", {}).get(key)
    return None if entry is None else str(entry["string_value"])


def require_parameter(config: ModelConfig, key: str) -> str:
    """Return one entry of `parameters`.

    Raises:
        TritonModelException: it is missing; the model does not load.
    """
    value = find_parameter(config, key)
    if value is None:
        name = config.get("name")
        raise pb_utils.TritonModelException(f"model '{name}': parameter '{key}' is missing")
    return value


def read_card(config: ModelConfig) -> ModelCard:
    """Return the card that the exporter wrote into the configuration."""
    return ModelCard.from_json(require_parameter(config, CARD_PARAMETER))


def read_parameters(request: pb_utils.InferenceRequest) -> dict[str, Any]:
    """Return the parameters of one request, by name."""
    parameters: dict[str, Any] = json.loads(request.parameters() or "{}")
    return parameters


def read_job_id(request: pb_utils.InferenceRequest) -> str:
    """Return the id by which a request can be cancelled; an ensemble gives it to all its models."""
    return str(read_parameters(request).get(JOB_ID, "")) or request.request_id()


def make_error_response(error: RequestFailed) -> pb_utils.InferenceResponse:
    """Return the answer for a request that failed; without a code Triton would say INTERNAL."""
    code = getattr(pb_utils.TritonError, error.code)
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error), code))


def find_cancel(
    request: pb_utils.InferenceRequest, early_cancels: EarlyCancels
) -> RequestFailed | None:
    """Return why a request must not be done if its client has left, else None."""
    if not early_cancels.pop(read_job_id(request)):
        return None
    return RequestFailed(f"{CANCELLED} before the first step", Code.CANCELLED)


def ask_model(
    name: str, version: int, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
) -> Tensors:
    """Return what another Triton model answers, by name: copies in this process's own memory.

    `outputs` are the names to ask for; none: all.

    Raises:
        RequestFailed: the model's own error, code included.
    """
    request = pb_utils.InferenceRequest(
        model_name=name,
        model_version=version,
        requested_output_names=list(outputs),
        inputs=[pb_utils.Tensor(each, array) for each, array in inputs.items()],
        # A model on a GPU leaves its answer there unless told otherwise, and `as_numpy` then
        # raises. Source: python_backend README, "Business Logic Scripting" (read 2026-11-29).
        preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU, 0),
    )
    response = request.exec()
    if response.has_error():
        raise to_request_failed(response.error())
    return {each.name(): np.array(each.as_numpy()) for each in response.output_tensors()}


def to_request_failed(error: pb_utils.TritonError) -> RequestFailed:
    """Return an error that another model answered with, its code included."""
    codes = {getattr(pb_utils.TritonError, code): code for code in Code}
    return RequestFailed(error.message(), codes.get(error.code(), Code.INTERNAL))
