import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.models import cli, terminal
from ops.models.address import find_stack_address
from ops.models.errors import ModelsError
from ops.settings import Settings, TritonSettings
from ops.stack.running_stack import RunningStack, announce
from tritone.fleet import FleetState, Wanted

NOWHERE = "127.0.0.1:1"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        variables = {"TRITONE_STATE_DIRECTORY": str(tmp_path)}
        return CliRunner().invoke(app, ["models", *arguments], env=variables)

    return run


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("show", "starter"),
        ("load", "starter"),
        ("verify", "starter"),
        ("promote", "starter", "2"),
        ("rollback", "starter"),
        ("canary", "starter", "2"),
        ("compare", "starter"),
        ("unload", "starter", "1"),
        ("rm", "starter", "1"),
    ],
)
def test_without_a_triton_each_command_names_the_remedy_in_one_line(
    run: Run, command: tuple[str, ...]
) -> None:
    ended = run(*command)
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("tritone: no stack runs here: start one with `tritone up`")
    assert ended.stderr.count("\n") == 1


def test_a_triton_that_is_away_is_said_in_one_line(run: Run) -> None:
    ended = run("promote", "starter", "2", "--url", NOWHERE, "--json")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("tritone: Triton does not answer: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("promote", "starter", "two"),
        ("promote", "starter", "0"),
        ("canary", "starter", "2", "--share", "1.5"),
        ("unload", "starter"),
        ("rm",),
    ],
)
def test_a_wrong_argument_is_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("load", "starter"), "a fleet's state names versions: give one"),
        (("rm", "starter", "1"), "files are deleted where each Triton has them"),
    ],
)
def test_what_a_fleet_cannot_do_is_said_in_one_line(
    run: Run, arguments: tuple[str, ...], why: str
) -> None:
    ended = run(*arguments, "--fleet")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"tritone: {why}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("load", "starter", "2"),
        ("promote", "starter", "2"),
        ("rollback", "starter"),
        ("canary", "starter", "2"),
        ("unload", "starter", "2"),
    ],
)
def test_every_change_is_made_over_a_fleet(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments, "--fleet")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "where is it stated what the fleet serves?" in ended.stderr


def test_who_follows_goes_on_where_no_triton_answers_and_ends_at_sigterm(tmp_path: Path) -> None:
    variables = {"TRITONE_TRITON__FLEET": str(tmp_path / "fleet.json")}
    (tmp_path / "fleet.json").write_text(FleetState({"starter": Wanted(version=2)}).to_json())
    command = [sys.executable, "-m", "ops", "models", "follow", "--url", NOWHERE, "--period", "0.1"]
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        for _ in range(2):
            assert following.stdout.readline().startswith(f"{NOWHERE}: Triton does not answer: ")
        following.terminate()
        assert following.wait(timeout=60) == 0


def test_a_folder_that_is_none_is_named(run: Run) -> None:
    ended = run("list", "--url", NOWHERE, "--repository", "/no/such/folder")
    assert ended.exit_code == 1
    assert "there is no model repository at /no/such/folder" in ended.stderr


def test_the_running_stack_is_the_default(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    stack = RunningStack(
        pid=os.getpid(),
        triton="127.0.0.1:4001",
        triton_metrics=None,
        frontend="http://127.0.0.1:8080",
        model_repository=str(models),
    )
    settings = Settings(state_directory=tmp_path)
    with announce(tmp_path, stack):
        address = find_stack_address(settings, None, None)
        assert (address.url, address.frontend) == (stack.triton, stack.frontend)
        assert [each.folder for each in address.repositories] == [models]
        other = find_stack_address(settings, "elsewhere:8001", None)
        assert (other.url, other.repositories, other.frontend) == ("elsewhere:8001", (), None)
        same = find_stack_address(settings, stack.triton, None)
        assert same == address


def test_the_environments_triton_is_used(tmp_path: Path) -> None:
    settings = Settings(state_directory=tmp_path, triton=TritonSettings(url="elsewhere:8001"))
    assert find_stack_address(settings, None, None).url == "elsewhere:8001"
    with pytest.raises(ModelsError, match="no stack runs here"):
        find_stack_address(Settings(state_directory=tmp_path), None, None)


def test_comparing_needs_a_frontend(run: Run, tmp_path: Path) -> None:
    stack = RunningStack(
        pid=os.getpid(), triton=NOWHERE, triton_metrics=None, frontend=None, model_repository=None
    )
    (tmp_path / "stack.json").write_text(json.dumps(asdict(stack)))
    ended = run("compare", "starter")
    assert ended.stderr == "tritone: no frontend runs here; name one with --frontend URL\n"


def test_nothing_is_deleted_without_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(typer.Exit):  # nobody is there to ask
        terminal.ask("delete it?")
    for answer, goes_on in (("n\n", False), ("y\n", True)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        with nullcontext() if goes_on else pytest.raises(typer.Exit):
            terminal.ask("delete it?")


def test_comparing_a_model_that_nothing_was_made_with_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "compare", lambda *_: [])
    ended = run("compare", "wind", "--frontend", NOWHERE)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("tritone: no frontend has made anything with wind")
