"""TensorRT plans on disk: what each was built from and for, and whether it may be served here.

A plan runs only with the TensorRT that built it, on such a GPU as it was built on. Knows no
TensorRT.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from export.errors import ExportError
from export.hashing import file_hash
from tritone.gpu import Gpu
from tritone.plans import PLAN_FILE

RECORD_FILE = "plan.json"


class PlanMismatch(ExportError):
    """A plan is missing, or not for this TensorRT or this GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """What a plan was built from, with what, and for what."""

    tensorrt: str  # release, as in "10.14.1"
    gpu: str  # name, as in "NVIDIA H200"; of a part of one, its MIG profile, too
    architecture: str  # compute capability, as in "sm_90"
    multiprocessors: int
    mig: str | None
    network_sha256: str  # of the ONNX file
    plan_sha256: str
    profile: dict[str, list[list[int]]]  # smallest, usual and largest shape, by input
    error: float  # relative, against the ONNX file

    def write(self, path: Path) -> None:
        """Write the record in one go."""
        replace_file(path, json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record.

        Raises:
            PlanMismatch: there is none, or it is not one of this release.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise PlanMismatch(f"{path.parent} has no {path.name}: build the plan here") from None
        except (ValueError, TypeError) as error:
            raise PlanMismatch(f"{path} is no plan record of this release: build anew") from error


def check_plan(folder: Path, *, tensorrt: str, device: Gpu) -> PlanRecord:
    """Return the record of a plan that may be served here.

    Raises:
        PlanMismatch: it was built by another TensorRT or for another GPU, or is damaged; TensorRT
            itself would fail later and say less, or answer slowly.
    """
    record = PlanRecord.read(folder / RECORD_FILE)
    plan = folder / PLAN_FILE
    found = {
        "TensorRT": (record.tensorrt, tensorrt),
        "the GPU architecture": (record.architecture, device.architecture),
        "the GPU": (record.gpu, device.name),
        "the number of multiprocessors": (record.multiprocessors, device.multiprocessors),
        PLAN_FILE: (record.plan_sha256, file_hash(plan) if plan.is_file() else "no file"),
    }
    for what, (recorded, here) in found.items():
        if recorded != here:
            raise PlanMismatch(
                f"the plan in {folder} does not fit: {what} was {recorded}, here it is {here}; "
                "build it anew"
            )
    return record


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never half of one."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
