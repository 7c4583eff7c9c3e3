"""Stands in for Triton's backend `tensorrt` where there is no GPU: its plans are ONNX files.

`tests/export/fake_tensorrt.py` builds such plans.
"""

from backends.onnxruntime.model import TritonPythonModel

__all__ = ["TritonPythonModel"]
