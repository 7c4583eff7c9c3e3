"""What Kustomize builds, read for the chart."""

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
Key = tuple[str, str]
"""Kind and name."""

FOLDER = Path(__file__).parents[1] / "kubernetes"
CONFIG = "tritone"
"""Name of the ConfigMap, without the hash that Kustomize puts behind it, and of the Secret."""


@cache
def kustomize(overlay: str, *components: str) -> str:
    """Return the YAML of an overlay with further components."""
    with tempfile.TemporaryDirectory() as folder:
        kustomization = {
            "resources": [os.path.relpath(FOLDER / "overlays" / overlay, folder)],
            "components": [os.path.relpath(FOLDER / "components" / c, folder) for c in components],
        }
        Path(folder, "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        command = ["kubectl", "kustomize", folder]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def build(overlay: str, *components: str) -> dict[Key, Manifest]:
    """Return the objects of an overlay with further components, by kind and name.

    The namespace is left out, of the objects and as an object: it is the release's. So is the hash
    in the ConfigMap's name.
    """
    text = kustomize(overlay, *components)
    found = list(yaml.safe_load_all(text))
    (config,) = (each["metadata"]["name"] for each in found if each["kind"] == "ConfigMap")
    found = list(yaml.safe_load_all(text.replace(config, CONFIG)))
    for each in found:
        each["metadata"].pop("namespace", None)
    return {(e["kind"], e["metadata"]["name"]): e for e in found if e["kind"] != "Namespace"}
