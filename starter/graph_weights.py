"""The weights inside an exported ONNX graph, in the shapes that torch modules keep them in.

What torch's exporter names after a parameter keeps its name. Weights that it transposes or folds
lose theirs; they are found by the nodes that use them, in the order of the trace, which is the
order in which the modules are called (torch 2.13, `torch.onnx.export(dynamo=True)`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

Weight = NDArray[np.float32]

_LINEAR = re.compile(r"node_linear(_\d+)?$")
_CONVOLUTIONS = ("Conv", "ConvTranspose")


@dataclass(frozen=True, slots=True)
class Snake:
    """The constants of x + inverse_beta sin²(alpha x): each float32 [1, channels, 1]."""

    alpha: Weight
    inverse_beta: Weight


class GraphWeights:
    """The constants of one graph and who uses them."""

    def __init__(self, path: Path) -> None:
        self._graph = onnx.load(path).graph
        self._weights = {
            weight.name: np.array(onnx.numpy_helper.to_array(weight))
            for weight in self._graph.initializer
        }

    def select(self, prefix: str) -> dict[str, Weight]:
        """Return what kept its name, by the name behind the prefix."""
        return {
            name.removeprefix(prefix): weight
            for name, weight in self._weights.items()
            if name.startswith(prefix)
        }

    def linears(self) -> list[Weight]:
        """Return the weights [out, in] of the linear layers, in the order of their calls."""
        return [self._linear(node) for node in self._graph.node if _LINEAR.match(node.name)]

    def convolutions(self) -> list[tuple[Weight, Weight | None]]:
        """Return weight and bias of the convolutions, in the order of their calls."""
        constants = [self._constants(n) for n in self._graph.node if n.op_type in _CONVOLUTIONS]
        return [(weight, bias[0] if bias else None) for weight, *bias in constants]

    def snakes(self) -> list[Snake]:
        """Return the constants of the snake activations, in the order of their calls."""
        alphas, inverse_betas = [], []
        sines = {node.output[0] for node in self._graph.node if node.op_type == "Sin"}
        sine_inputs = {node.input[0] for node in self._graph.node if node.op_type == "Sin"}
        squares: set[str] = set()
        for node in self._graph.node:
            if node.op_type != "Mul":
                continue
            if set(node.input) <= sines:
                squares.add(node.output[0])
            elif node.output[0] in sine_inputs:
                alphas += self._constants(node)
            elif squares & set(node.input):
                inverse_betas += self._constants(node)
        return [Snake(*pair) for pair in zip(alphas, inverse_betas, strict=True)]

    def of_shape(self, *shape: int) -> Iterator[Weight]:
        """Yield the constants of a shape, in the order in which nodes use them."""
        seen = set()
        for node in self._graph.node:
            for name in node.input:
                if name not in seen and name in self._weights:
                    seen.add(name)
                    if self._weights[name].shape == shape:
                        yield self._weights[name]

    def _linear(self, node: onnx.NodeProto) -> Weight:
        if node.op_type == "Add":  # of the bias; the product is the node before
            node = next(each for each in self._graph.node if each.output[0] in node.input)
        weight = self._constants(node)[0]
        # Gemm keeps torch's order (transB), MatMul has it turned round.
        return weight if node.op_type == "Gemm" else np.ascontiguousarray(weight.T)

    def _constants(self, node: onnx.NodeProto) -> list[Weight]:
        return [self._weights[name] for name in node.input if name in self._weights]
