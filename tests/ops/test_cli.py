import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontend.keys.__main__ import app as keys_program
from ops.cli import COMMANDS, app
from tritone import __version__

runner = CliRunner()


def test_the_version_is_said() -> None:
    assert runner.invoke(app, ["--version"]).output == f"tritone {__version__}\n"


@pytest.mark.usefixtures("no_dead_stacks")
def test_what_keeps_the_stack_from_starting_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITONE_MODEL_REPOSITORY", str(tmp_path))
    monkeypatch.setenv("TRITONE_STATE_DIRECTORY", str(tmp_path / "state"))
    result = runner.invoke(app, ["up", "--no-frontend"])
    assert result.exit_code == 1
    assert result.stderr == f"tritone: the model repository {tmp_path} publishes no model\n"
    assert result.stdout == ""


def test_a_bad_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_TRITON__GRPC_PORT", "seventy")
    result = runner.invoke(app, ["up"])
    assert result.exit_code == 2
    assert "TRITONE_TRITON__GRPC_PORT" in result.stderr


@pytest.mark.usefixtures("no_dead_stacks")
def test_another_triton_and_no_frontend_leave_nothing_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRITONE_TRITON__URL", "triton:8001")
    result = runner.invoke(app, ["up", "--no-frontend"])
    assert result.exit_code == 1
    assert "nothing to run" in result.stderr


def test_the_doctor_finds_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITONE_MODEL_REPOSITORY", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TRITONE_PORT", "0")
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert [line[:4] for line in result.output.splitlines()] == ["ok  "] * 5 + ["BAD "]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("tritone", "gen"), ["generate"]),
        (("tritone", "keys", ""), [command.name for command in keys_program.registered_commands]),
        (("tritone", "keys", "re"), ["revoke"]),
    ],
)
def test_a_shell_completes_the_commands(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], completed: list[str]
) -> None:
    for name, value in {
        "_TRITONE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }.items():
        monkeypatch.setenv(name, value)
    assert runner.invoke(app, prog_name="tritone").stdout.split() == completed


def test_a_command_imports_only_what_it_needs() -> None:
    script = (
        "import sys; from ops.cli import app; app(['say', '--help'], standalone_mode=False);"
        "print(*{'numpy', 'grpc', 'psycopg', 'ops.models', 'ops.voices'} & set(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert "--voice" in said
    assert said.splitlines()[-1] == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str) -> None:
    told = runner.invoke(app, [name, "--help"], catch_exceptions=False)
    assert told.exit_code == 0
    assert "--install-completion" not in told.output  # the whole command's
