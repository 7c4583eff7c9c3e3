import json
import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

from ops.stack.running_stack import RunningStack, announce, find

STACK = RunningStack(
    pid=os.getpid(),
    triton="127.0.0.1:8001",
    triton_metrics=None,
    frontend="http://127.0.0.1:8080",
    model_repository="/models",
)


def test_a_stack_is_found_while_it_runs(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    with announce(tmp_path / "run", STACK):
        assert find(tmp_path / "run") == STACK
    assert find(tmp_path / "run") is None
    assert list((tmp_path / "run").iterdir()) == []


def test_a_stack_that_was_killed_is_not_found(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "0"])
    process.wait()
    with announce(tmp_path, replace(STACK, pid=process.pid)):
        assert find(tmp_path) is None


def test_a_file_of_another_release_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"pid": 1}')
    assert find(tmp_path) is None


def test_an_earlier_stack_does_not_take_a_later_ones_file_away(tmp_path: Path) -> None:
    later = replace(STACK, pid=os.getppid())
    with announce(tmp_path, STACK):
        (tmp_path / "stack.json").write_text(json.dumps(asdict(later)))
    assert find(tmp_path) == later
