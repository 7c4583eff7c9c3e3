"""LoRA adapters, added to a transformer's weights before its export.

So an adapter costs nothing when it serves, and is a model or a version like any.
Source: diffusers 0.42.1, `AceStepLoraLoaderMixin`; PEFT's configuration for the scale of a product.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from export.errors import InvalidCheckpoint
from tritone.first_line import first_line

CONFIG_FILE = "adapter_config.json"  # PEFT's, beside the weights
HEADER = "lora_adapter_metadata"  # the same, where diffusers has saved the weights
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "transformer."
_PEFT_PREFIX = "base_model.model."

Names = tuple[str, str]
"""Of one layer: diffusers', and the one in the file."""


def fuse_adapter(pipeline: Any, path: Path) -> None:  # noqa: ANN401  # any DiffusionPipeline
    """Add an adapter to the weights of a pipeline's transformer, in place.

    Raises:
        InvalidCheckpoint: the pipeline takes none, or the file is not an adapter of it.
    """
    if not hasattr(pipeline, "lora_state_dict"):
        raise InvalidCheckpoint(f"a {type(pipeline).__name__} takes no adapters")
    found, written = _read_factors(pipeline, path)
    layers = [name.removesuffix(_DOWN) for name in found if name.endswith(_DOWN)]
    if not layers or {f"{each}{end}" for each in layers for end in (_DOWN, _UP)} != set(found):
        raise InvalidCheckpoint(f"{path.name} holds something else than pairs of LoRA factors")
    # What its configuration may call each layer: as we know it, and as its trainer did.
    names = [
        (
            key.removeprefix(_PREFIX),
            written[key + _DOWN].removesuffix(_DOWN).removeprefix(_PEFT_PREFIX),
        )
        for key in layers
    ]
    config = _read_config(path)
    _check_patterns(config, names, path)
    for key, called in zip(layers, names, strict=True):
        layer = _find_layer(pipeline.transformer, called[0], path)
        down, up = found[key + _DOWN].float(), found[key + _UP].float()
        _add(layer, up @ down * _scale(config, called, rank=down.shape[0]), path)


def _read_factors(pipeline: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:  # noqa: ANN401
    """Return the factors by diffusers' names, and by those the names in the file."""
    try:
        tensors = load_file(path)
        if any("dora_scale" in name for name in tensors):  # diffusers would leave them out
            raise ValueError("DoRA's magnitudes are not supported")
        names = {id(tensor): name for name, tensor in tensors.items()}
        # Names of the authors' own trainer become those of diffusers.
        found: dict[str, Tensor] = pipeline.lora_state_dict(tensors)
        written = {name: names.get(id(tensor), name) for name, tensor in found.items()}
    except Exception as error:  # any: what a file does to safetensors and diffusers
        raise InvalidCheckpoint(f"{path.name} is no adapter: {first_line(error)}") from error
    return found, written


def _read_config(path: Path) -> Mapping[str, Any]:
    with safe_open(path, framework="pt") as file:
        header = (file.metadata() or {}).get(HEADER)
    if header is not None:
        return {key.removeprefix(_PREFIX): value for key, value in json.loads(header).items()}
    beside = path.with_name(CONFIG_FILE)
    return json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}


def _check_patterns(config: Mapping[str, Any], names: list[Names], path: Path) -> None:
    for pattern in config.get("alpha_pattern") or {}:
        if not any(_matches(pattern, called) for called in names):
            raise InvalidCheckpoint(f"{path.name} scales {pattern}, which it does not adapt")


def _matches(pattern: str, called: Names) -> bool:
    return any(re.match(rf"(.*\.)?({pattern})$", name) is not None for name in called)


def _scale(config: Mapping[str, Any], called: Names, rank: int) -> float:
    alphas = config.get("alpha_pattern") or {}
    usual = config.get("lora_alpha", rank)
    alpha = next((each for key, each in alphas.items() if _matches(key, called)), usual)
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _find_layer(transformer: nn.Module, name: str, path: Path) -> nn.Linear:
    try:
        layer = transformer.get_submodule(name)
    except AttributeError:
        layer = None
    if not isinstance(layer, nn.Linear):
        raise InvalidCheckpoint(f"{path.name} adapts {name}, which the transformer does not have")
    return layer


def _add(layer: nn.Linear, product: Tensor, path: Path) -> None:
    if product.shape != layer.weight.shape:
        raise InvalidCheckpoint(f"{path.name} is of a transformer of another size")
    with torch.no_grad():
        layer.weight += product.to(layer.weight.dtype)
