"""Engines in environments of their own: what is published of a checkpoint, and broken ones.

A speaker's process is started by Triton's shell. The script that it reads first looks whether the
environment is whole (`python -m tritone.isolated NAME`). If not, the process starts in our own
environment instead, and says there why it cannot speak: so a broken environment is a sentence, and
never a process that dies while Triton waits for it.
"""

import importlib
import sys
from dataclasses import dataclass, field

from tritone.engines import ENGINES, Environment
from tritone.environment import PREFIX
from tritone.first_line import first_line

FILE = "isolated.json"
"""In the version of a published model: which checkpoint it is, and its voices."""

DESCRIBED = "described: "
"""Before what `backends/isolated/describe.py` prints: libraries print lines of their own."""

FAULT_VARIABLE = f"{PREFIX}ENVIRONMENT_FAULT"
"""In a speaker's process: why it is not in the environment that its engine needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedCheckpoint:
    """Which checkpoint a published model runs."""

    source: str  # a folder, or an id of the hub
    voices: dict[str, str]  # what the checkpoint is told for each of our voices; may be empty
    samples: dict[str, str] = field(default_factory=dict)  # file in the version that it clones


def remedy(engine: str) -> str:
    """Return what mends the environment of an engine."""
    return f"build it anew: tritone voices engine add {engine}"


def find_fault(environment: Environment) -> str | None:
    """Return why this very process cannot run an engine, in words; None: it can."""
    try:
        import numpy as np  # noqa: PLC0415 -- it may be what is missing
    except ImportError as error:
        return f"numpy cannot be imported: {first_line(error)}"
    if int(np.__version__.partition(".")[0]) > 1:
        # Measured on Triton 2.51: the bytes of every answer are then taken for another shape's.
        return f"numpy is {np.__version__}, and with 2 and newer every answer fails"
    for module in environment.modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a module's own lines raise
            return f"{module} cannot be imported: {first_line(error)}"
    return None


def main(arguments: list[str]) -> int:
    """Look at this process's environment; print its fault as the last line, and return 1."""
    engine, python_version = arguments
    known = ENGINES.get(engine)
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if known is None or known.environment is None:
        fault: str | None = f"{engine} is no engine with an environment of its own"
    elif running != python_version:
        fault = f"its Python is {running}, and Triton's is {python_version}"
    else:
        fault = find_fault(known.environment)
    if fault:
        sys.stdout.write(f"\n{fault}\n")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
