from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.triton.backend_directory import STUB, prepare
from ops.triton.home import PYTHON_VERSION, libpython_folder, triton_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder like the wheel's."""
    python = tmp_path / "home" / "backends" / "python"
    python.mkdir(parents=True)
    (python / "libtriton_python.so").write_text("library")
    (python / "triton_python_backend_utils.py").write_text("utils")
    stubs = tmp_path / "home" / "python_backend_stubs" / PYTHON_VERSION
    stubs.mkdir(parents=True)
    (stubs / STUB).write_text("stub")
    return tmp_path / "home"


def test_the_library_is_copied_and_the_stub_linked(home: Path, tmp_path: Path) -> None:
    python = prepare(tmp_path / "backends", home) / "python"
    assert not (python / "libtriton_python.so").is_symlink()
    assert (python / "triton_python_backend_utils.py").read_text() == "utils"
    assert (python / STUB).is_symlink()
    assert (python / STUB).resolve().read_text() == "stub"


def test_every_backend_of_ours_is_there(home: Path, tmp_path: Path) -> None:
    target = prepare(tmp_path / "backends", home)
    found = {path.parent.name for path in target.glob("*/model.py")}
    assert found == {"tokenizer", "denoiser", "espeak", "onnxruntime", "speech", "transformers"}


def test_preparing_twice_renews(home: Path, tmp_path: Path) -> None:
    prepare(tmp_path / "backends", home)
    (home / "backends" / "python" / "libtriton_python.so").write_text("newer")
    target = prepare(tmp_path / "backends", home)
    assert (target / "python" / "libtriton_python.so").read_text() == "newer"


def test_a_python_version_without_a_stub_is_said(home: Path, tmp_path: Path) -> None:
    (home / "python_backend_stubs" / PYTHON_VERSION / STUB).unlink()
    with pytest.raises(CannotStart, match=f"no python backend for Python {PYTHON_VERSION}"):
        prepare(tmp_path / "backends", home)


def test_this_machine_has_what_triton_needs() -> None:
    assert (triton_home() / "bin" / "tritonserver").is_file()
    assert (libpython_folder() / f"libpython{PYTHON_VERSION}.so.1.0").exists()
