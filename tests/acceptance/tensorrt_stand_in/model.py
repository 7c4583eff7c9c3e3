"""Stands in for Triton's backend `tensorrt` where there is no GPU: its plans are ONNX files.

`tests/export/fake_tensorrt.py` builds such plans.
"""

import json

from backends.onnxruntime import model


class TritonPythonModel(model.TritonPythonModel):
    """One network that is a plan."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the plan, whose name TensorRT's backend knows by itself."""
        config = {**json.loads(args["model_config"]), "default_model_filename": "model.plan"}
        super().initialize({**args, "model_config": json.dumps(config)})
