"""`tritone generate` and `tritone say` beside a running stack, and without one."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from ops.processes.ports import choose_ports
from ops.stack import running_stack
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import open_folder
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.triton

TIMEOUT_S = 120.0


def tritone(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("tritone"), *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as wav:
        return float(wav.getnframes() / wav.getframerate())


def test_the_running_stack_is_found_by_its_state_folder(served: Stack, tmp_path: Path) -> None:
    folder = str(served.log_file.parent / "run")
    made = tritone(
        tmp_path, "generate", "rain", "--seconds", "2", "-n", "2", TRITONE_STATE_DIRECTORY=folder
    )
    files = [tmp_path / name for name in made.stdout.split()]
    assert [seconds_of(file) for file in files] == pytest.approx([2, 2], abs=0.01), made.stderr
    assert files[0].read_bytes() != files[1].read_bytes()
    spoken = tritone(tmp_path, "say", "Hello.", "-o", "a.wav", TRITONE_STATE_DIRECTORY=folder)
    assert spoken.returncode == 0, spoken.stderr
    assert seconds_of(tmp_path / "a.wav") > 0.3


def test_without_a_stack_one_runs_for_the_moment(repository: Path, tmp_path: Path) -> None:
    with open_folder() as folder:
        made = tritone(
            tmp_path,
            *("generate", "rain", "--seconds", "1", "-o", "rain.wav"),
            TRITONE_MODEL_REPOSITORY=str(copy_of(repository, folder / "models")),
            TRITONE_STATE_DIRECTORY=str(folder / "run"),
            TRITONE_PORT=str(choose_ports({"": 0})[""]),
        )
        assert made.stdout == "rain.wav\n", made.stderr
        assert seconds_of(tmp_path / "rain.wav") == pytest.approx(1, abs=0.01)
        assert running_stack.find(folder / "run") is None
