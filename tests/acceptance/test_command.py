"""`tritone generate` and `tritone say` beside a running stack, and without one."""

import os
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from psutil import CONN_LISTEN

from ops.processes.child import INSTANCE_VARIABLE
from ops.processes.ports import choose_ports
from ops.stack import running_stack
from ops.triton.shared_memory import SHARED_MEMORY
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


def test_other_users_reach_neither_triton_nor_its_shared_memory(served: Stack) -> None:
    triton = served.triton()
    regions = list(SHARED_MEMORY.glob(f"{triton.environ()[INSTANCE_VARIABLE]}*-*"))
    assert regions
    assert {region.stat().st_mode & 0o077 for region in regions} == {0}
    listening = [each for each in triton.net_connections("tcp") if each.status == CONN_LISTEN]
    assert [each.laddr.port for each in listening] == [served.metrics_port]


def test_without_a_stack_one_runs_for_the_moment_for_all_who_ask(
    repository: Path, tmp_path: Path
) -> None:
    with open_folder() as parent:
        folder = parent / "a folder"  # Triton starts its backends by a shell
        variables = {
            "TRITONE_MODEL_REPOSITORY": str(copy_of(repository, folder / "models")),
            "TRITONE_STATE_DIRECTORY": str(folder / "run"),
            "TRITONE_DEFAULT_VOICE": "false",  # it would load in vain
            "TRITONE_PORT": str(choose_ports({"": 0})[""]),
        }

        def generate(seconds: str) -> subprocess.CompletedProcess[str]:
            options = ("--seconds", seconds, "-o", f"{seconds}.wav")
            return tritone(tmp_path, "generate", "rain", *options, **variables)

        with ThreadPoolExecutor() as threads:  # whoever starts it has done before the other
            for seconds, made in zip("19", threads.map(generate, "19"), strict=True):
                assert made.stdout == f"{seconds}.wav\n", made.stderr
                assert seconds_of(tmp_path / made.stdout.strip()) == pytest.approx(
                    int(seconds), abs=0.01
                )
        assert running_stack.find(folder / "run") is None
