"""Runs graphs in PyTorch, and says how far two answers are from each other."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike

from export import comparing
from export.graphs import Graph
from export.probes import Array, Arrays


def run(graph: Graph, inputs: Mapping[str, Array]) -> Arrays:
    """Return the outputs of a graph's module by name."""
    with torch.no_grad():
        answer = graph.module(*(torch.from_numpy(inputs[s.name]) for s in graph.io.inputs))
    outputs = answer if isinstance(answer, tuple) else (answer,)
    names = [spec.name for spec in graph.io.outputs]
    return {name: tensor.numpy() for name, tensor in zip(names, outputs, strict=True)}


def relative_error(found: ArrayLike, expected: ArrayLike) -> float:
    """Return the relative L2 error; tensors of PyTorch are taken, too."""
    return comparing.relative_error(np.asarray(found), np.asarray(expected))
