"""`python -m deploy.images NAME=REGISTRY/NAME@sha256:…`: a Kustomize component that pins images."""

import re
import sys
from collections.abc import Sequence

_PINNED = re.compile(r"(?P<name>[\w-]+)=(?P<new_name>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})")
_HEAD = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
"""


def parse(arguments: Sequence[str]) -> dict[str, str]:
    """Return references by name.

    Raises:
        ValueError: one is not `NAME=REGISTRY/NAME@sha256:…`.
    """
    found = {}
    for argument in arguments:
        match = _PINNED.fullmatch(argument)
        if match is None:
            raise ValueError(f"{argument!r} is not NAME=REGISTRY/NAME@sha256:… (64 hex digits)")
        found[match["name"]] = f"{match['new_name']}@{match['digest']}"
    return found


def to_component(references: dict[str, str]) -> str:
    """Return a `kustomization.yaml` that puts references in the place of our images' names."""
    rows = []
    for name, reference in references.items():
        new_name, digest = reference.split("@")
        rows.append(f"  - name: {name}\n    newName: {new_name}\n    digest: {digest}\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(to_component(parse(sys.argv[1:])))
