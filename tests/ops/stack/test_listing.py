import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.stack.listing import list_processes
from ops.stack.running_stack import RunningStack, announce

_LISTENS = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def service(name: str) -> Iterator[int]:
    """Run a process that `ps` takes for a part of the stack; yield the port it listens on."""
    process = subprocess.Popen(
        [sys.executable, "-c", _LISTENS, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def this_stack() -> RunningStack:
    return RunningStack(
        pid=os.getpid(), triton="", triton_metrics=None, frontend=None, model_repository=None
    )


def test_each_process_is_listed_with_its_ports() -> None:
    with service("frontend") as port:
        found = {each.name: each for each in list_processes(this_stack())}
    assert found["frontend"].ports == (port,)
    assert found["tritone up"].pid == os.getpid()


def test_ps_shows_the_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_STATE_DIRECTORY", str(tmp_path))
    with service("frontend.jobs") as port, announce(tmp_path, this_stack()):
        listed = CliRunner().invoke(app, ["ps"]).stdout.splitlines()
    assert listed[0].split()[-1] == "ports"
    (worker,) = (line for line in listed if line.startswith("worker "))
    assert worker.split()[-1] == str(port)
