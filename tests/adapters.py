"""A tiny LoRA adapter as diffusers saves one, and a pipeline with it beside its weights."""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AceStepPipeline
from torch import Tensor, nn

FILE = "jazz.safetensors"
RANK = 2
ALPHA = 3.0
ADAPTED = ("to_q", "to_v", "to_out.0")


def write_adapter(pipeline: AceStepPipeline, folder: Path) -> Path:
    """Write factors of a pipeline's attention, with their scale in the file's header."""
    random = torch.Generator().manual_seed(0)
    layers = {}
    for name, layer in pipeline.transformer.named_modules():
        if name.endswith(ADAPTED):
            n_out, n_in = layer.weight.shape
            layers[f"{name}.lora_A.weight"] = torch.randn(RANK, n_in, generator=random)
            layers[f"{name}.lora_B.weight"] = torch.randn(n_out, RANK, generator=random) * 0.3
    AceStepPipeline.save_lora_weights(
        folder,
        transformer_lora_layers=layers,
        weight_name=FILE,
        transformer_lora_adapter_metadata={"r": RANK, "lora_alpha": ALPHA},
    )
    return folder / FILE


def attach(pipeline: AceStepPipeline, file: Path) -> None:
    """Let every adapted layer add what its factors make of its input: no weight changes."""
    factors, said = AceStepPipeline.lora_state_dict(
        str(file.parent), weight_name=file.name, use_safetensors=True, return_lora_metadata=True
    )
    scale = said["transformer.lora_alpha"] / said["transformer.r"]
    for key, down in factors.items():
        if key.endswith("lora_A.weight"):
            layer = key.removesuffix(".lora_A.weight")
            up = factors[f"{layer}.lora_B.weight"]
            module = pipeline.transformer.get_submodule(layer.removeprefix("transformer."))
            module.register_forward_hook(_beside(down, up, scale))


def _beside(down: Tensor, up: Tensor, scale: float) -> Callable[..., Tensor]:
    def add(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + scale * (inputs[0] @ down.T @ up.T)

    return add
