"""What is installed of PyTorch: what pip finds now, whatever lies there from before."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.voices import installer
from ops.voices.installer import InstallFailed, UvInstaller

PACKAGES = ("torch==2.13.0", "torchaudio==2.11.1")
CUDA = "torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl"
CPU = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
OLD_PYTHON = "torch-2.13.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl"
AUDIO = "torchaudio-2.11.1-cp311-cp311-manylinux_2_28_x86_64.whl"


class Registry:
    """Stands for pip and uv: puts what it has where pip is told, and notes what uv is given."""

    def __init__(self) -> None:
        self.has: dict[str, bytes] = {}
        self.installed: list[str] = []

    def run(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        if command[:4] == [sys.executable, "-m", "pip", "download"]:
            folder = Path(command[command.index("--dest") + 1])
            assert not list(folder.iterdir())
            assert "--find-links" not in command
            for name, content in self.has.items():
                (folder / name).write_bytes(content)
        else:
            self.installed = [each for each in command if each.endswith((".whl", "--no-deps"))]
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr(subprocess, "run", registry.run)
    monkeypatch.setattr(installer, "find_uv", lambda: "uv")
    return registry


def install(folder: Path) -> Path:
    """Install PyTorch, and return where its wheels are kept."""
    UvInstaller().install_torch(folder / "one", PACKAGES, folder / "wheels")
    return folder / "wheels"


@pytest.mark.parametrize("before", [CUDA, CPU, OLD_PYTHON])
@pytest.mark.parametrize("now", [CUDA, CPU])
def test_what_pip_finds_now_is_installed(
    registry: Registry, tmp_path: Path, before: str, now: str
) -> None:
    registry.has = {before: b"before", AUDIO: b""}
    install(tmp_path)
    registry.has = {now: b"now", AUDIO: b""}
    kept = install(tmp_path)
    alone = ["--no-deps"] if now == CPU else []  # else it needs CUDA's packages
    assert registry.installed == [*alone, str(kept / now), str(kept / AUDIO)]
    assert {each.name for each in kept.iterdir()} == {now, AUDIO}
    assert (kept / now).read_bytes() == b"now"


def test_an_equal_wheel_stays_so_that_environments_share_its_files(
    registry: Registry, tmp_path: Path
) -> None:
    registry.has = {CPU: b"same", AUDIO: b"same"}
    before = {each.name: each.stat().st_ino for each in install(tmp_path).iterdir()}
    assert before == {each.name: each.stat().st_ino for each in install(tmp_path).iterdir()}


@pytest.mark.parametrize("wheels", [[], [CUDA, CPU]])
def test_one_wheel_of_each_package_is_expected(
    registry: Registry, tmp_path: Path, wheels: list[str]
) -> None:
    registry.has = dict.fromkeys([*wheels, AUDIO], b"")
    with pytest.raises(InstallFailed, match=f"{len(wheels)} wheels of torch==2.13.0, not one"):
        install(tmp_path)
    assert registry.installed == []
