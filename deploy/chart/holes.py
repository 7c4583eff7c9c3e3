"""What of the manifests a release may set: each hole is filled by a value of the chart.

A value's default is what stands in the manifests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deploy.chart.manifests import Key, Manifest

_POD = ("spec", "template", "spec")
_CONTAINER = (*_POD, "containers", 0)
_TRIGGER = ("spec", "triggers", 0, "metadata")
_CLAIM = ("PersistentVolumeClaim", "tritone-models")
_CONFIG = 'include "tritone.config" .'
WORKLOADS = ("frontend", "worker", "triton")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in an object, and the value that fills it."""

    key: Key
    path: Path
    value: str  # dotted, below `.Values`
    is_without_keda: bool = False  # left out where KEDA scales


HOLES = (
    *(
        Hole(("Deployment", name), (*_CONTAINER, "resources"), f"{name}.resources")
        for name in WORKLOADS
    ),
    *(
        Hole(("Deployment", name), ("spec", "replicas"), f"{name}.replicas", is_without_keda=True)
        for name in ("worker", "triton")
    ),
    *(
        Hole(("ScaledObject", name), ("spec", f"{most}ReplicaCount"), f"{name}.{most}Replicas")
        for name in WORKLOADS
        for most in ("min", "max")
    ),
    *(
        Hole(("HorizontalPodAutoscaler", "frontend"), ("spec", each), f"frontend.{each}")
        for each in ("minReplicas", "maxReplicas")
    ),
    *(
        Hole(("ScaledObject", name), (*_TRIGGER, "serverAddress"), "keda.prometheus")
        for name in ("worker", "triton")
    ),
    Hole(("Deployment", "triton"), (*_POD, "tolerations"), "triton.tolerations"),
    Hole(_CLAIM, ("spec", "accessModes"), "models.accessModes"),
    Hole(_CLAIM, ("spec", "resources", "requests", "storage"), "models.storage"),
)


def read(manifest: Manifest, path: Path) -> Any:  # noqa: ANN401 -- whatever YAML can hold
    """Return what stands at a place."""
    found: Any = manifest
    for step in path:
        found = found[step]
    return found


def write(manifest: Manifest, path: Path, value: object) -> None:
    """Put something at a place."""
    read(manifest, path[:-1])[path[-1]] = value


def find_images(manifest: Manifest) -> Iterator[tuple[Path, str]]:
    """Yield the place of each image, and its name without registry and tag."""
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    for n, each in enumerate(pod.get("containers", ())):
        yield (*_POD, "containers", n, "image"), each["image"].split(":")[0].split("@")[0]


def find_settings(manifest: Manifest) -> Iterator[tuple[Path, str]]:
    """Yield the places that name the ConfigMap and the Secret, and the expression for each."""
    if manifest["kind"] == "ConfigMap":
        yield ("metadata", "name"), _CONFIG
        yield ("data",), 'include "tritone.settings" .'
    pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
    for n, container in enumerate(pod.get("containers", ())):
        for k, source in enumerate(container.get("envFrom", ())):
            kind = next(iter(source))
            path = (*_POD, "containers", n, "envFrom", k, kind, "name")
            yield path, _CONFIG if kind == "configMapRef" else ".Values.secret"
