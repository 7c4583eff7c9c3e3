import sys
import sysconfig
from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.triton.home import PYTHON_VERSION, libpython_folder

NAME = f"libpython{PYTHON_VERSION}.so.1.0"


@pytest.fixture
def libdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an interpreter's library folder, empty as yet."""
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: str(tmp_path))
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    return tmp_path


def test_the_interpreters_own_library_is_found(
    libdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", str(libdir / "nowhere"))
    (libdir / NAME).touch()
    assert libpython_folder() == libdir


def test_the_distributions_python_says_which_package_to_install(
    libdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    with pytest.raises(CannotStart, match=f"run: apt-get install libpython{PYTHON_VERSION}$"):
        libpython_folder()


def test_another_python_does_not_borrow_the_distributions_library(
    libdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", str(libdir / "pyenv"))
    with pytest.raises(CannotStart, match="--enable-shared"):
        libpython_folder()
