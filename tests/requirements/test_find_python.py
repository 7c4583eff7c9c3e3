"""Which Python `make serve` takes, and what it says where there is none."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REAL = f'exec {sys.executable} "$@"'


@dataclass
class Machine:
    """A search path with programs of our own."""

    folder: Path

    def install(self, name: str, script: str) -> str:
        program = self.folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return str(program)

    def release(self, **fields: str) -> None:
        lines = [f'{name}="{value}"\n' for name, value in fields.items()]
        (self.folder / "os-release").write_text("".join(lines))

    def find(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", ROOT / "requirements/find_python.sh", *arguments],
            env={
                "PATH": str(self.folder / "bin"),
                "HOME": str(self.folder),
                "OS_RELEASE": str(self.folder / "os-release"),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def complaint(self, *arguments: str) -> str:
        """Return the one line that it says instead of a Python."""
        ended = self.find(*arguments)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.count("\n") == 1, ended.stderr
        return ended.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Linux without any Python."""
    (tmp_path / "bin").mkdir()
    machine = Machine(tmp_path)
    machine.release(PRETTY_NAME="Some Linux", ID="some")
    machine.install("uname", 'if test "$1" = -s; then echo Linux; else echo x86_64; fi')
    machine.install("getconf", "echo glibc 2.36")
    machine.install("dirname", f'exec {shutil.which("dirname")} "$@"')
    return machine


@pytest.mark.parametrize("name", ["python3.11", "python3", "python", "python-3.11", "python311"])
def test_it_is_found_under_any_name(machine: Machine, name: str) -> None:
    machine.install("python3.9", "exit 2")  # another version
    program = machine.install(name, REAL)
    assert machine.find().stdout == f"{program}\n"


def test_one_without_its_shared_library_is_passed_over(machine: Machine) -> None:
    machine.install("python3.11", "echo libpython3.11.so.1.0 is missing >&2; exit 1")
    assert "libpython3.11.so.1.0 is missing" in machine.complaint()
    assert machine.find().stdout == ""
    found = machine.install("python3", REAL)
    assert machine.find().stdout == f"{found}\n"


def test_the_one_that_is_named_is_taken_or_refused(machine: Machine) -> None:
    machine.install("python3.11", REAL)
    mine = machine.install("mine", REAL)
    assert machine.find(mine).stdout == f"{mine}\n"
    old = machine.install("old", "exit 2")
    assert f"PYTHON={old} will not do" in machine.complaint(old)


@pytest.mark.parametrize(
    ("release", "programs", "remedy"),
    [
        (
            {"PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)", "ID": "debian"},
            {"apt-cache": 'test "$2" = python3.11-venv'},
            "`sudo apt install python3.11-venv libpython3.11`",
        ),
        (
            {"PRETTY_NAME": "Ubuntu 24.04", "ID": "ubuntu", "ID_LIKE": "debian"},
            {"apt-cache": 'test "$2" = python3.12-venv'},
            "`sudo apt install python3.12-venv libpython3.12`",
        ),
        (
            {"PRETTY_NAME": "Debian GNU/Linux 13 (trixie)", "ID": "debian"},
            {"apt-cache": "exit 100"},
            "`pip install uv && uv python install 3.12`",
        ),
        (
            {"PRETTY_NAME": "Fedora Linux 41", "ID": "fedora"},
            {},
            "`sudo dnf install python3.12`",
        ),
        (
            {"PRETTY_NAME": "Arch Linux", "ID": "arch"},
            {},
            "`pip install uv && uv python install 3.12`",
        ),
    ],
)
def test_the_remedy_is_that_of_the_distribution(
    machine: Machine, release: dict[str, str], programs: dict[str, str], remedy: str
) -> None:
    machine.release(**release)
    for name, script in programs.items():
        machine.install(name, script)
    said = machine.complaint()
    assert said.startswith("Tritone needs Python 3.11 or 3.12;")
    assert remedy in said


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({"uname": 'test "$1" = -s && echo Darwin || echo arm64'}, "this is Darwin on arm64"),
        ({"uname": 'test "$1" = -s && echo Linux || echo riscv64'}, "this is Linux on riscv64"),
        ({"getconf": "echo glibc 2.31"}, "needs glibc 2.35"),
        ({"getconf": "exit 1"}, "needs glibc 2.35"),  # musl
    ],
)
def test_where_triton_does_not_run_it_says_so(
    machine: Machine, programs: dict[str, str], said: str
) -> None:
    machine.install("python3.11", REAL)
    for name, script in programs.items():
        machine.install(name, script)
    assert said in machine.complaint()
