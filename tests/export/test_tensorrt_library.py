"""Which TensorRT is there: the module under either name, and the library that Triton links."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from export.errors import EngineError
from export.tensorrt_library import load_tensorrt, read_served_release

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


def serve(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> Path:
    """Make a real shared library that says a release, and a Triton backend that links it."""
    major = number // 10_000
    library = folder / f"libnvinfer.so.{major}"
    source = folder / "library.c"
    source.write_text(f"int getInferLibVersion(void) {{ return {number}; }}\n")
    command = [
        "cc",
        "-shared",
        "-fPIC",
        f"-Wl,-soname,{library.name}",
        "-o",
        str(library),
        str(source),
    ]
    subprocess.run(command, check=True)
    backend = folder / "backends" / "tensorrt" / "libtriton_tensorrt.so"
    backend.parent.mkdir(parents=True)
    backend.write_bytes(b"\x7fELF\0libc.so.6\0" + library.name.encode() + b"\0libcudart.so.13\0")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    return folder / "backends"


@pytest.fixture
def backends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return serve(tmp_path, monkeypatch, 101401)


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    for name in ("tensorrt", "tensorrt_bindings"):
        module = None
        if name in versions:
            module = ModuleType(name)
            module.__version__ = versions[name]  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize(
    ("number", "release"), [(101302, (10, 13, 2)), (101401, (10, 14, 1)), (110400, (11, 4, 0))]
)
def test_the_library_that_triton_links_says_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, release: tuple[int, int, int]
) -> None:
    assert read_served_release(serve(tmp_path, monkeypatch, number)) == release


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt_bindings"])
def test_the_module_is_taken_under_either_name(
    backends: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    install(monkeypatch, **{name: "10.14.1.48.post1"})

    assert load_tensorrt(backends).__name__ == name


def test_a_module_of_another_release_than_triton_serves_is_refused(
    backends: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tensorrt="10.16.1.11")

    with pytest.raises(EngineError, match=r"TensorRT here is 10\.14\.1, the Python module is 10\."):
        load_tensorrt(backends)


def test_without_the_module_the_wheel_is_named(
    backends: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch)

    with pytest.raises(EngineError, match=r"tensorrt-cu13-bindings==10\.14\.1\.\*"):
        load_tensorrt(backends)


def test_an_old_tensorrt_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backends = serve(tmp_path, monkeypatch, 100900)
    install(monkeypatch, tensorrt="10.9.0")

    with pytest.raises(EngineError, match=r"10\.9\.0 is older than 10\.12"):
        load_tensorrt(backends)


def test_outside_the_serving_image_the_place_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="inside the container image that serves"):
        load_tensorrt(tmp_path)


def test_a_library_that_does_not_load_is_named(backends: Path, tmp_path: Path) -> None:
    (tmp_path / "libnvinfer.so.10").write_text("not a library")

    with pytest.raises(EngineError, match=r"libnvinfer\.so\.10, which Triton links, does not load"):
        load_tensorrt(backends)
