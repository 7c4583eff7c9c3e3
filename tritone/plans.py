"""Networks that are TensorRT plans in some versions of a model: under which name Triton has them.

Triton gives all versions of one of its models one backend and one border. So the versions of a
network that are plans belong to a Triton model of their own, beside the one of its ONNX versions.
"""

from collections.abc import Collection

from tritone.card import COMPONENTS, SPEECH_COMPONENTS, component_name
from tritone.tensors import DType

PLATFORM = "tensorrt_plan"
"""What Triton calls a plan's platform."""

PLAN_FILE = "model.plan"

NETWORKS = ("text_encoder", "transformer", "vae_decoder")
"""The components that can be plans."""

_SUFFIX = "_plan"


def plan_of(component: str) -> str:
    """Return the component as which a network's plans are published."""
    return component + _SUFFIX


def names_of(model: str) -> tuple[str, ...]:
    """Return the Triton names of everything that versions of a model may consist of."""
    parts = (*COMPONENTS, *map(plan_of, NETWORKS), *SPEECH_COMPONENTS)
    return tuple(component_name(model, each) for each in parts)


def without_plan(name: str) -> str:
    """Return a component, or its Triton name, as it is where it is no plan."""
    return name.removesuffix(_SUFFIX)


def served_name(model: str, component: str, plans: Collection[str]) -> str:
    """Return the Triton name of a component in a version whose networks `plans` are plans."""
    return component_name(model, plan_of(component) if component in plans else component)


def pcm_type(plans: Collection[str]) -> DType:
    """Return the type of the samples that leave Triton: TensorRT has no INT16."""
    return "INT32" if "vae_decoder" in plans else "INT16"
