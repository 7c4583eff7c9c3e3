"""What the exporter wrote down about a version: `manifest.json`, and the files it speaks of."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.models.errors import ModelsError, Refused
from tritone.fingerprints import Fingerprint, InvalidFingerprint

FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version's record."""

    raw: bytes
    fields: dict[str, Any]

    @property
    def precision(self) -> str | None:
        """fp32, fp16, bf16 or int8."""
        return self.fields.get("precision")

    @property
    def source(self) -> str | None:
        """The checkpoint's hub id or folder name."""
        return self.fields.get("source")

    @property
    def n_bytes(self) -> int | None:
        """Size of all artifacts."""
        sizes = self.fields.get("sizes")
        return sum(sizes.values()) if sizes else None

    @property
    def errors(self) -> dict[str, float]:
        """Relative errors against PyTorch, as measured by the exporter."""
        measured = self.fields.get("measured", {})
        of_plans = {f"{each}_plan": error for each, error in measured.get("plans", {}).items()}
        return {**measured.get("components", {}), **measured.get("end_to_end", {}), **of_plans}

    @property
    def plans(self) -> dict[str, dict[str, Any]]:
        """What is known of each network that is a TensorRT plan, by component."""
        return dict(self.fields.get("plans", {}))

    @property
    def artifacts(self) -> dict[str, str]:
        """SHA-256 by path in the repository."""
        return dict(self.fields.get("artifacts", {}))

    @property
    def digest(self) -> str:
        """A short hash of all artifacts: versions with equal ones are the same files."""
        contents = sorted(self.artifacts.values())
        return hashlib.sha256("".join(contents).encode()).hexdigest()[:12]

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What the version must answer; None in manifests of older exporters.

        Raises:
            Refused: it is malformed.
        """
        if "fingerprint" not in self.fields:
            return None
        try:
            return Fingerprint.from_dict(self.fields["fingerprint"])
        except InvalidFingerprint as error:
            raise Refused(f"{FILE}: {error}") from error


def read_manifest(path: Path) -> Manifest:
    """Return a manifest.

    Raises:
        ModelsError: there is none, or it is not JSON.
    """
    try:
        raw = path.read_bytes()
        fields = json.loads(raw)
    except FileNotFoundError:
        raise ModelsError(f"there is no {path}") from None
    except (OSError, ValueError) as error:
        raise ModelsError(f"{path} cannot be read: {error}") from error
    if not isinstance(fields, dict):
        raise ModelsError(f"{path} is not a manifest")
    return Manifest(raw, fields)


def check_hashes(repository: Path, manifest: Manifest) -> None:
    """Compare the artifacts with what was published.

    Raises:
        Refused: one is missing or has changed.
    """
    for name, digest in manifest.artifacts.items():
        try:
            with (repository / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Refused(f"{name} cannot be read: {error.strerror}") from error
        if found != digest:
            raise Refused(f"{name} is not the file that was published: its hash differs")
