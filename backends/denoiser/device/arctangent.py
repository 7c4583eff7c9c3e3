"""The arctangent in operators that ONNX Runtime has on GPUs: it has none there.

Source: Cephes 2.2, `atanf` (Moshier 1992): within 2 units of the last place of float32.
"""

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

_FAR, _NEAR = math.tan(3 * math.pi / 8), math.tan(math.pi / 8)
_POLYNOMIAL = (8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1)


def replace_arctangents(graph: onnx.GraphProto) -> None:
    """Replace every `Atan` of float32; its argument must not be negative, as no noise level is."""
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.op_type == "Atan":
            graph.node.extend(_expand(graph, node.input[0], node.output[0]))
        else:
            graph.node.append(node)


def _expand(graph: onnx.GraphProto, x: str, y: str) -> list[onnx.NodeProto]:
    nodes: list[onnx.NodeProto] = []

    def constant(value: float) -> str:
        name = f"{y}_constant_{len(graph.initializer)}"
        graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def make(operator: str, *inputs: str, to: str = "") -> str:
        output = to or f"{y}_part_{len(nodes)}"
        nodes.append(helper.make_node(operator, list(inputs), [output]))
        return output

    one, zero = constant(1.0), constant(0.0)
    is_far = make("Greater", x, constant(_FAR))
    is_near = make("Less", x, constant(_NEAR))
    middle = make("Div", make("Sub", x, one), make("Add", x, one))
    # Where it is near the quotient is not used, so it may be of anything but 0.
    far = make("Neg", make("Div", one, make("Where", is_far, x, one)))
    reduced = make("Where", is_far, far, make("Where", is_near, x, middle))
    rest = make("Where", is_near, zero, constant(math.pi / 4))
    offset = make("Where", is_far, constant(math.pi / 2), rest)
    square = make("Mul", reduced, reduced)
    value = constant(_POLYNOMIAL[0])
    for coefficient in _POLYNOMIAL[1:]:
        value = make("Add", make("Mul", value, square), constant(coefficient))
    curve = make("Mul", make("Mul", value, square), reduced)
    make("Add", offset, make("Add", curve, reduced), to=y)
    return nodes
