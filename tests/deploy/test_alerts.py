"""The alerts, checked by Prometheus' own tool where it is installed, and against the code."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ops.cli import app
from tests.deploy.promql import assert_answerable

FOLDER = Path(__file__).parents[2] / "deploy/prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    return found


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("check", "rules", "alerts.yaml"), id="rules"),
        pytest.param(("check", "config", "prometheus.yaml"), id="config"),
        pytest.param(("test", "rules", "alerts_test.yaml"), id="unit-tests"),
    ],
)
def test_promtool_is_content(promtool: str, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_alert_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    assert_answerable(rule["expr"])


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    notes = rule["annotations"]
    assert notes["summary"].endswith(".")
    assert len(notes["runbook"].split()) >= 15
    # What a runbook names must exist.
    for name in re.findall(r"\bTritone[A-Z]\w+", notes["runbook"]):
        assert name in NAMES
    for expr in re.findall(r"`([a-z_]+\(?(?:[^`]*)(?:tritone|nv)_[^`]*)`", notes["runbook"]):
        assert_answerable(expr)


def test_every_alert_has_a_unit_test() -> None:
    text = (FOLDER / "alerts_test.yaml").read_text()
    for name in NAMES:
        assert f'alertname="{name}"' in text


def test_the_settings_that_runbooks_name_exist() -> None:
    settings = (FOLDER.parents[1] / "docs/settings.md").read_text()
    runbooks = "".join(rule["annotations"]["runbook"] for rule in RULES)
    for variable in re.findall(r"TRITONE_[A-Z_]+", runbooks):
        assert f"`{variable}`" in settings


def test_the_commands_that_runbooks_name_exist() -> None:
    runner = CliRunner()
    runbooks = "".join(rule["annotations"]["runbook"] for rule in RULES)
    commands = re.findall(r"`tritone ([a-z]+(?: [a-z]+)?)", runbooks)
    assert "models rollback" in commands
    for command in commands:
        assert runner.invoke(app, [*command.split(), "--help"]).exit_code == 0, command
