"""What every backend needs of `triton_python_backend_utils`: its configuration and its errors.

Imported inside Triton's python stub only. `pb_utils.TritonError` and its like do not exist yet
while a backend is being imported, so no line at module level may touch them.
"""

from __future__ import annotations

import json
from typing import Any

import triton_python_backend_utils as pb_utils

from backends.errors import Code, RequestFailed
from tritone.card import CARD_PARAMETER, ModelCard

ModelConfig = dict[str, Any]
"""Triton's own JSON of one `config.pbtxt`."""


def model_config(args: dict[str, str]) -> ModelConfig:
    """Return the configuration of the model that `initialize` is called for."""
    config: ModelConfig = json.loads(args["model_config"])
    return config


def parameter(config: ModelConfig, key: str) -> str | None:
    """Return one entry of `parameters`, or None."""
    entry = config.get("parameters", {}).get(key)
    return None if entry is None else str(entry["string_value"])


def required_parameter(config: ModelConfig, key: str) -> str:
    """Return one entry of `parameters`.

    Raises:
        TritonModelException: it is missing; the model does not load.
    """
    value = parameter(config, key)
    if value is None:
        name = config.get("name")
        raise pb_utils.TritonModelException(f"model '{name}': parameter '{key}' is missing")
    return value


def model_card(config: ModelConfig) -> ModelCard:
    """Return the card that the exporter wrote into the configuration."""
    return ModelCard.from_json(required_parameter(config, CARD_PARAMETER))


def error_response(error: RequestFailed) -> pb_utils.InferenceResponse:
    """Return the answer for a request that failed; without a code Triton would say INTERNAL."""
    code = getattr(pb_utils.TritonError, error.code)
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error), code))


def failure_of(error: pb_utils.TritonError) -> RequestFailed:
    """Return an error that another model answered with, its code included."""
    codes = {getattr(pb_utils.TritonError, code): code for code in Code}
    return RequestFailed(error.message(), codes.get(error.code(), Code.INTERNAL))
