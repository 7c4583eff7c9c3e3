"""The directory that Triton loads backends from: the wheel's python backend and ours."""

import importlib.util
import shutil
from pathlib import Path

from ops.errors import CannotStart
from ops.triton.home import PYTHON_VERSION

STUB = "triton_python_backend_stub"
_COPIED = ("libtriton_python.so", "triton_python_backend_utils.py")


def prepare(target: Path, home: Path) -> Path:
    """Fill `target` from the Triton at `home` and our backends, and return it.

    Raises:
        CannotStart: Triton has no python backend for the running Python version.
    """
    stub = home / "python_backend_stubs" / PYTHON_VERSION / STUB
    if not stub.is_file():
        raise CannotStart(f"Triton has no python backend for Python {PYTHON_VERSION}; use 3.11")
    python = target / "python"
    python.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        # Real copies: Triton refuses a library that a link leads out of the backend directory.
        shutil.copy(home / "backends" / "python" / name, python / name)
    # A link: the stub finds its own libraries relative to where it really lies.
    (python / STUB).unlink(missing_ok=True)
    (python / STUB).symlink_to(stub)
    for model in _our_backends():
        folder = target / model.parent.name
        folder.mkdir(exist_ok=True)
        shutil.copy(model, folder / model.name)
    return target


def open_stub(directory: Path) -> None:
    """Let every user run the stub of a prepared directory; the wheel lets its owner only."""
    (directory / "python" / STUB).resolve().chmod(0o755)


def _our_backends() -> list[Path]:
    # Found, not imported: a backend can only be imported inside Triton.
    spec = importlib.util.find_spec("backends")
    if spec is None or spec.origin is None:
        raise CannotStart("tritone is installed without its backends; reinstall it")
    return sorted(Path(spec.origin).parent.glob("*/model.py"))
