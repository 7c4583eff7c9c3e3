"""LoRA adapters, added to a transformer's weights before its export.

So an adapter costs nothing when it serves, and is a model or a version like any.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from export.errors import InvalidCheckpoint, first_line

CONFIG_FILE = "adapter_config.json"  # PEFT's, beside the weights
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
_PREFIX = "transformer."


def fuse_adapter(pipeline: Any, path: Path) -> None:  # noqa: ANN401  # any DiffusionPipeline
    """Add an adapter to the weights of a pipeline's transformer, in place.

    Raises:
        InvalidCheckpoint: the pipeline takes none, or the file is not an adapter of it.
    """
    if not hasattr(pipeline, "lora_state_dict"):
        raise InvalidCheckpoint(f"a {type(pipeline).__name__} takes no adapters")
    try:
        # Names of the authors' own trainer become those of diffusers.
        found: dict[str, Tensor] = pipeline.lora_state_dict(load_file(path))
    except Exception as error:  # any: what a file does to safetensors and diffusers
        raise InvalidCheckpoint(f"{path.name} is no adapter: {first_line(error)}") from error
    layers = [name.removesuffix(_DOWN) for name in found if name.endswith(_DOWN)]
    if not layers or {f"{each}{end}" for each in layers for end in (_DOWN, _UP)} != set(found):
        raise InvalidCheckpoint(f"{path.name} holds something else than pairs of LoRA factors")
    for name in layers:
        layer = _find_layer(pipeline.transformer, name.removeprefix(_PREFIX), path)
        _add(layer, found[name + _DOWN], found[name + _UP], path)


def _find_layer(transformer: nn.Module, name: str, path: Path) -> nn.Linear:
    try:
        layer = transformer.get_submodule(name)
    except AttributeError:
        layer = None
    if not isinstance(layer, nn.Linear):
        raise InvalidCheckpoint(f"{path.name} adapts {name}, which the transformer does not have")
    return layer


def _add(layer: nn.Linear, down: Tensor, up: Tensor, path: Path) -> None:
    rank = down.shape[0]
    product = (up.float() @ down.float()) * (_read_alpha(path, rank) / rank)
    if product.shape != layer.weight.shape:
        raise InvalidCheckpoint(f"{path.name} is of a transformer of another size")
    with torch.no_grad():
        layer.weight += product.to(layer.weight.dtype)


def _read_alpha(path: Path, rank: int) -> float:
    config = path.with_name(CONFIG_FILE)
    if not config.is_file():
        return float(rank)
    return float(json.loads(config.read_text(encoding="utf-8")).get("lora_alpha", rank))
