"""Loading a checkpoint's pipeline with diffusers."""

from pathlib import Path

import diffusers
from torch import nn

from export.checkpoint import Checkpoint
from export.checkpoint_files import list_tensors
from export.errors import InvalidCheckpoint
from export.quiet import quiet
from tritone.first_line import first_line

_MAY_BE_MADE_UP = frozenset({"text_encoder", "condition_encoder"})
"""Components whose missing weights are drawn at random, without an error."""


def load(checkpoint: Checkpoint) -> diffusers.DiffusionPipeline:
    """Return the pipeline in float32 on the CPU, ready for inference.

    Raises:
        InvalidCheckpoint: a component cannot be read. Pickled weights are not: they run code.
    """
    pipeline_class = getattr(diffusers, checkpoint.family.pipeline_class)
    with quiet() as said:
        try:
            pipeline = pipeline_class.from_pretrained(
                checkpoint.folder, local_files_only=True, use_safetensors=True
            )
        except Exception as error:  # any: diffusers, transformers and safetensors have many
            raise InvalidCheckpoint(
                f"{checkpoint.source} cannot be loaded: {first_line(error)}",
                detail=f"{said.getvalue()}\n{error}",
            ) from error
    for name in _MAY_BE_MADE_UP.intersection(checkpoint.components):
        _check_nothing_is_made_up(getattr(pipeline, name), checkpoint.folder / name)
    pipeline.set_progress_bar_config(disable=True)
    for component in pipeline.components.values():
        if hasattr(component, "requires_grad_"):
            component.float().eval().requires_grad_(False)
    return pipeline


def _check_nothing_is_made_up(module: nn.Module, folder: Path) -> None:
    """Check that the files have every weight."""
    names = {name for path in folder.glob("*.safetensors") for name in list_tensors(path)}
    state = module.state_dict()

    def is_read(name: str) -> bool:  # a whole model's names may have a prefix
        return any(name.endswith(each) or each.endswith(name) for each in names)

    read = {tensor.data_ptr() for name, tensor in state.items() if is_read(name)}
    missing = [name for name, tensor in state.items() if tensor.data_ptr() not in read]
    if missing:
        raise InvalidCheckpoint(
            f"the {folder.name} has no weights for {missing[0]} ({len(missing)} of {len(state)} "
            "are missing)"
        )
