"""Runs a program with an official client and gives back what it printed, as JSON."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installs import node_modules, python_of
from tests.live import Live

PROGRAMS = Path(__file__).parent / "programs"
_TIMEOUT_S = 120.0

Found = dict[str, Any]


def run_python(client: str, program: str, live: Live, **environment: str) -> Found:
    """Run `programs/<program>.py` where a client is installed."""
    return _run([str(python_of(client)), str(PROGRAMS / f"{program}.py")], live, environment)


def run_node(program: str, live: Live) -> Found:
    """Run `programs/<program>.cjs` with the npm clients."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    environment = {"NODE_PATH": str(node_modules())}
    return _run([node, str(PROGRAMS / f"{program}.cjs")], live, environment)


def _run(command: list[str], live: Live, environment: dict[str, str]) -> Found:
    own = {"TEST_URL": live.url, "TEST_KEY": live.key, "PATH": os.environ["PATH"], **environment}
    done = subprocess.run(
        command, env=own, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found
