"""Would a network run on a GPU? Its types and operators against those that engines have.

Read off the file alone: it needs neither a GPU nor the engine. Sources stand in `kernels.json`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import onnx
from onnx import TensorProto

from export.plan_network import read_for_tensorrt

Engine = Literal["tensorrt", "onnxruntime_cuda"]

_KERNELS = Path(__file__).with_name("kernels.json")
_QUANTISING = "DynamicQuantizeLinear"
_LARGE_BYTES = 4096  # what shapes and axes are made of is smaller
# TensorRT narrows DOUBLE to FLOAT by itself.
_READ_AS: dict[Engine, dict[str, str]] = {"tensorrt": {"DOUBLE": "FLOAT"}, "onnxruntime_cuda": {}}


@dataclass(frozen=True, slots=True)
class Finding:
    """What an engine does not have, and how many nodes of a network want it."""

    operator: str
    type: str | None  # None: it does not have the operator at all
    n_nodes: int

    def __str__(self) -> str:
        """Say it in few words."""
        return f"{self.n_nodes} {self.operator}" + (f" of {self.type}" if self.type else "")


def lint(model: onnx.ModelProto, engine: Engine) -> list[Finding]:
    """Return what an engine lacks for a network. Takes the weights out of `model`."""
    for weight in model.graph.initializer:
        if len(weight.raw_data) > _LARGE_BYTES:
            weight.ClearField("raw_data")
    graph = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: _type_name(value.type.tensor_type.elem_type) for value in _values(graph)}
    # Constants of INT64 are axes and shapes: every engine has those, whatever it computes with.
    constants = {each.name: _type_name(each.data_type) for each in graph.initializer}
    types |= {name: kind for name, kind in constants.items() if kind != "INT64"}
    found: Counter[tuple[str, str | None]] = Counter()
    for node in graph.node:
        found.update({(node.op_type, lack) for lack in _find_lacks(node, types, engine)})
    return [Finding(*what, n) for what, n in sorted(found.items(), key=str)]


def advise(networks: Mapping[str, Path]) -> list[str]:
    """Return what to know before networks, by component, run on a GPU; nothing: all is well."""
    said = []
    for component, path in networks.items():
        of_plans = lint(read_for_tensorrt(path), "tensorrt")
        if of_plans:
            said.append(
                f"{component}: TensorRT lacks {_join(of_plans)}; it stays an ONNX file when you "
                f"build plans (python -m export engine){_remedy(of_plans)}"
            )
        if lacks := lint(onnx.load(str(path), load_external_data=False), "onnxruntime_cuda"):
            way_out = "" if of_plans else "; a plan needs none (python -m export engine)"
            said.append(
                f"{component}: ONNX Runtime on CUDA lacks {_join(lacks)}, which the CPU computes, "
                f"with a copy there and back{way_out}"
            )
    return said


def _remedy(findings: list[Finding]) -> str:
    is_quantised = any(each.operator == _QUANTISING for each in findings)
    return "; int8 is for CPUs: export with --precision fp16 for GPUs" if is_quantised else ""


def _join(findings: list[Finding]) -> str:
    return ", ".join(map(str, findings))


def _values(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    yield from (*graph.input, *graph.output, *graph.value_info)


def _type_name(number: int) -> str:
    return str(TensorProto.DataType.Name(number))


def _find_lacks(node: onnx.NodeProto, types: dict[str, str], engine: Engine) -> set[str | None]:
    has = _kernels()[engine].get(node.op_type)
    if has is None or node.domain not in {"", "ai.onnx"}:
        return {None}
    wanted = {types[name] for name in (*node.input, *node.output) if name in types}
    return {each for each in wanted if _READ_AS[engine].get(each, each) not in has}


@cache
def _kernels() -> dict[Engine, dict[str, set[str]]]:
    listed = json.loads(_KERNELS.read_text(encoding="utf-8"))
    engines: tuple[Engine, ...] = ("tensorrt", "onnxruntime_cuda")
    return {
        engine: {name: set(types.split()) for name, types in listed[engine].items()}
        for engine in engines
    }
