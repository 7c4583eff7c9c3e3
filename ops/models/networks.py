"""What each network of a version runs on, in words: the engine, the device, the shapes."""

from dataclasses import dataclass
from typing import Any

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from ops.errors import TritonCallFailed
from ops.models.manifests import Manifest
from ops.models.served import READY, Served
from ops.triton.control import TritonControl
from tritone.card import component_name
from tritone.placement import CPU
from tritone.plans import NETWORKS

_ONNX = "ONNX Runtime"
_STAND_IN = "model.py"  # the runtime of `backends/onnxruntime`


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks on one Triton."""

    control: TritonControl
    device: str  # where our own backends compute there

    async def describe(
        self, served: Served | None, manifest: Manifest | None, version: int
    ) -> dict[str, str]:
        """Return what is known of a version's networks, by component."""
        plans = manifest.plans if manifest else {}
        found = {name: _describe_plan(plan) for name, plan in plans.items()}
        for each in NETWORKS:
            if each not in found:
                found[each] = await self._describe_onnx(served, each, version)
        return {each: found[each] for each in NETWORKS}

    async def _describe_onnx(self, served: Served | None, component: str, version: int) -> str:
        if served is None or version not in served.loaded:
            return _ONNX
        name = component_name(served.name, component)
        state = served.states.get(name, {}).get(version)
        if state is None or state.state != READY:
            is_in_process = component == "transformer"
            return f"{_ONNX}{self._ours}, in the denoiser's process" if is_in_process else _ONNX
        try:
            return _ONNX + self._device(await self.control.config(name))
        except TritonCallFailed:  # unloaded meanwhile
            return _ONNX

    @property
    def _ours(self) -> str:
        return " on the CPU" if self.device == CPU else " on the GPU"

    def _device(self, config: ModelConfig) -> str:
        """Return where a model runs; Triton has decided it by the time that it is loaded."""
        if config.runtime == _STAND_IN:  # whatever kind Triton gave it
            return self._ours
        kinds = {group.kind for group in config.instance_group}
        if kinds == {ModelInstanceGroup.KIND_GPU}:
            return " on the GPU"
        return " on the CPU" if kinds == {ModelInstanceGroup.KIND_CPU} else ""


def _describe_plan(plan: dict[str, Any]) -> str:
    engine = f"TensorRT {plan['tensorrt']} on {plan['gpu']} ({plan['architecture']})"
    shapes = [
        f"{name} {_dims(smallest)} to {_dims(largest)}"
        for name, (smallest, _, largest) in plan["profile"].items()
        if smallest[1:] != largest[1:]  # where only the rows differ, the engine's options say it
    ]
    return ", ".join([engine, *shapes])


def _dims(shape: list[int]) -> str:
    return "x".join(map(str, shape))
