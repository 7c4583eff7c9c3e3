import os
import subprocess
import time
from pathlib import Path

import pytest

from ops.processes.child import INSTANCE_VARIABLE, kill_instance
from ops.stack import leftovers
from ops.triton import closed_folder

TIMEOUT_S = 5.0


def sleeper(prefix: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, INSTANCE_VARIABLE: prefix}
    process = subprocess.Popen(["sleep", "60"], env=environment)
    time.sleep(0.05)  # until it has its own environment
    return process


def test_only_the_processes_of_that_stack_are_killed() -> None:
    lost, other = sleeper("tritone_lost_"), sleeper("tritone_other_")
    try:
        assert kill_instance("tritone_lost_") == 1
        assert lost.wait(TIMEOUT_S) != 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_closed_folder_of_a_dead_stack_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "find_abandoned_prefixes", lambda: ["tritone_dead_"])
    with closed_folder.own_folder("tritone_dead_") as dead, closed_folder.own_folder("x") as other:
        leftovers.clear(Path("/nonexistent"))
        assert not dead.socket.parent.exists()
        assert other.socket.parent.exists()


@pytest.mark.usefixtures("no_dead_stacks")
def test_scratch_folders_of_dead_stacks_go(tmp_path: Path) -> None:
    (tmp_path / "tritone_dead_" / "backends").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    leftovers.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
