"""A network as TensorRT is to read it: the published ONNX file, int32 where it says int16.

TensorRT has no INT16, in no release: a decoder's samples leave it as INT32, and whoever receives
them narrows them (`tritone.pcm.narrow`).
"""

from pathlib import Path

import onnx
from onnx import TensorProto


def read_for_tensorrt(path: Path) -> onnx.ModelProto:
    """Return a network with its border widened; large weights stay in the file beside it."""
    model = onnx.load(str(path), load_external_data=False)
    for output in model.graph.output:
        tensor = output.type.tensor_type
        if tensor.elem_type == TensorProto.INT16 and _widen_cast(model, output.name):
            tensor.elem_type = TensorProto.INT32
    return model


def _widen_cast(model: onnx.ModelProto, name: str) -> bool:
    """Make the cast that gives a tensor one to INT32; return whether there is such a cast."""
    for node in model.graph.node:
        if node.op_type == "Cast" and name in node.output:
            for attribute in node.attribute:
                if attribute.name == "to":
                    attribute.i = TensorProto.INT32
            return True
    return False
