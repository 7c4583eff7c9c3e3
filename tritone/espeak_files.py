"""Where the published model `espeak` keeps espeak-ng: who publishes it, who loads it."""

from pathlib import Path

MODEL = "espeak"
"""Name of the Triton model."""

_PACKAGE = "packages/espeakng_loader"


def library_file(version_folder: Path) -> Path:
    """Return the shared library."""
    return version_folder / _PACKAGE / "libespeak-ng.so"


def data_folder(version_folder: Path) -> Path:
    """Return its data."""
    return version_folder / _PACKAGE / "espeak-ng-data"
