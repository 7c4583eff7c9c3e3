"""Loading a checkpoint's pipeline with diffusers."""

import diffusers

from export.checkpoint import Checkpoint
from export.errors import InvalidCheckpoint
from export.quiet import quiet


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
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InvalidCheckpoint(
                f"{checkpoint.source} cannot be loaded: {_first_line(error)}",
                detail=f"{said.getvalue()}\n{error}",
            ) from error
    pipeline.set_progress_bar_config(disable=True)
    for component in pipeline.components.values():
        if hasattr(component, "requires_grad_"):
            component.float().eval().requires_grad_(False)
    return pipeline


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
