"""The record of one export, kept beside the version; the same export gives the same file."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from export.checkpoint import Checkpoint
from export.hashing import file_hash, list_artifacts
from export.precision import TOLERANCES, Precision
from export.published import MANIFEST as FILE
from export.verify import Measured
from tritone.fingerprints import Fingerprint

__all__ = ["FILE", "Findings", "Manifest", "make_manifest"]

_LIBRARIES = (
    "tritone",
    "torch",
    "diffusers",
    "transformers",
    "tokenizers",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "numpy",
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about the files."""

    measured: Measured
    fingerprint: Fingerprint
    opset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was exported, from what, with what, and how true it is."""

    source: str  # the hub id, or the name of the folder
    source_files: dict[str, str]  # SHA-256 by path in the checkpoint
    artifacts: dict[str, str]  # SHA-256 by path in the model repository
    sizes: dict[str, int]  # bytes, by the same paths
    precision: Precision
    opset: int
    libraries: dict[str, str]
    tolerances: dict[str, float]
    measured: Measured
    fingerprint: Fingerprint  # what the running server must answer before the version is served

    def write(self, path: Path) -> None:
        """Write the manifest as JSON, indented for people."""
        text = json.dumps(asdict(self), indent=1, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")


def make_manifest(
    checkpoint: Checkpoint,
    precision: Precision,
    findings: Findings,
    folder: Path,
    adapter: Path | None = None,
) -> Manifest:
    """Return the manifest of the artifacts in a staging folder."""
    artifacts = list_artifacts(folder)
    adapted = {} if adapter is None else {f"adapter/{adapter.name}": file_hash(adapter)}
    return Manifest(
        source=checkpoint.source,
        source_files=checkpoint.hashes() | adapted,
        artifacts={name: file_hash(path) for name, path in artifacts.items()},
        sizes={name: path.stat().st_size for name, path in artifacts.items()},
        precision=precision,
        opset=findings.opset,
        libraries={name: version(name) for name in _LIBRARIES},
        tolerances=asdict(TOLERANCES[precision]),
        measured=findings.measured,
        fingerprint=findings.fingerprint,
    )
