"""Would a network run on a GPU? Its types and operators against those that engines have.

Read off the file alone: it needs neither a GPU nor the engine. Sources stand in `kernels.json`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from export.kernels import Engine, has_kernel, has_operator
from export.plan_network import read_for_tensorrt
from export.value_types import read_types

__all__ = ["Engine", "Finding", "advise", "lint"]

_QUANTISING = "DynamicQuantizeLinear"


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
    """Return what an engine lacks for a network."""
    types = read_types(model)
    # Constants of INT64 are axes and shapes: every engine has those, whatever it computes with.
    for constant in model.graph.initializer:
        if types[constant.name] == "INT64":
            del types[constant.name]
    found: Counter[tuple[str, str | None]] = Counter()
    for node in model.graph.node:
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


def _find_lacks(node: onnx.NodeProto, types: dict[str, str], engine: Engine) -> set[str | None]:
    if not has_operator(engine, node):
        return {None}
    wanted = {types[name] for name in (*node.input, *node.output) if name in types}
    return {each for each in wanted if not has_kernel(engine, node, each)}
