"""What Triton finds on the machine: its own wheel and the interpreter's shared library."""

import ctypes.util
import importlib.util
import sys
import sysconfig
from pathlib import Path

from ops.errors import CannotStart

PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def triton_home() -> Path:
    """Return the folder that holds Triton's `bin` and `backends`.

    Raises:
        CannotStart: the wheel is not installed.
    """
    # Looked up, not imported: pytriton's import takes a second and configures logging.
    spec = importlib.util.find_spec("pytriton")
    if spec is None or spec.origin is None:
        raise CannotStart("Triton is not installed; run: pip install 'tritone[serve]'")
    return Path(spec.origin).parent / "tritonserver"


def libpython_folder() -> Path:
    """Return the folder of the running interpreter's own `libpythonX.Y.so`.

    Triton's python backends link it. Another interpreter's library of the same version number would
    load too, and then fail in the standard library: it does not count.

    Raises:
        CannotStart: there is none; says what to install.
    """
    name = f"libpython{PYTHON_VERSION}.so.1.0"
    folders = [Path(sysconfig.get_config_var("LIBDIR") or "/"), Path(sys.base_prefix, "lib")]
    for folder in folders:
        if (folder / name).is_file():
            return folder
    if Path(sys.base_prefix) != Path("/usr"):
        raise CannotStart(
            f"{name} of {sys.base_prefix} is missing; use a Python that was built with a shared "
            "library (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install "
            f"{PYTHON_VERSION}), or the distribution's Python"
        )
    found = ctypes.util.find_library(f"python{PYTHON_VERSION}")
    if found is None:
        raise CannotStart(f"{name} is missing; run: apt-get install libpython{PYTHON_VERSION}")
    return folders[0]
