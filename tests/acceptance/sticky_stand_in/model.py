"""Stands in for a network on a GPU that an error has spoiled: runs fail, and checks are green.

The error lasts as long as there is a file `sticky` beside the model's configuration, or until the
next process, which forgets it.
"""

from pathlib import Path

from backends.onnxruntime import model
from backends.tensors import Tensors


class TritonPythonModel(model.TritonPythonModel):
    """One network that can be spoiled."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network."""
        super().initialize(args)
        self._error = Path(args["model_repository"], "sticky")
        self._error.unlink(missing_ok=True)

    def _run(self, feed: Tensors) -> Tensors:
        if self._error.exists():
            raise RuntimeError("CUDA error 700: an illegal memory access was encountered")
        return super()._run(feed)
