"""Versions come and go under traffic, and no request notices but by its sound."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.stack.running_stack import RunningStack
from tests.acceptance.stack import Stack, running
from tests.acceptance.versions import (
    Publisher,
    Traffic,
    deafened,
    scaled,
    traffic,
    truncated,
    until,
)

pytestmark = [pytest.mark.triton, pytest.mark.export]

GOOD, TRUNCATED, NOT_A_NUMBER, DEAF, UNKNOWN, TAMPERED, ABSENT = 2, 3, 4, 5, 6, 7, 99
REFUSALS = {
    TRUNCATED: "model.onnx",  # in Triton's own words
    NOT_A_NUMBER: "not finite",
    DEAF: "gives one sound for two prompts",
    UNKNOWN: "is not what was published: its fingerprint",
    TAMPERED: "is not the file that was published: its hash differs",
    ABSENT: "has no version 99",
}
SHARE = 0.3


@dataclass(frozen=True)
class Operations:
    """`tritone models` beside a running stack."""

    stack: Stack
    state_directory: Path
    model: str

    def run(self, *arguments: str, state_directory: Path | None = None) -> tuple[int, str, str]:
        variables = {"TRITONE_STATE_DIRECTORY": str(state_directory or self.state_directory)}
        # In this process: a command of its own takes a second to start, and there are many.
        ended = CliRunner().invoke(
            app, ["models", *arguments], env=variables, catch_exceptions=False
        )
        return ended.exit_code, ended.stdout, ended.stderr

    def do(self, verb: str, *arguments: str) -> dict[int, str]:
        """Carry out a command; return the states of the versions after it."""
        code, out, err = self.run(verb, self.model, *arguments, "--json")
        assert code == 0, err
        return {row["version"]: row["state"] for row in json.loads(out)["versions"]}

    def list(self) -> list[dict[str, Any]]:
        code, out, err = self.run("list", "--json")
        assert code == 0, err
        rows: list[dict[str, Any]] = json.loads(out)
        return rows

    def compare(self) -> dict[str, dict[str, Any]]:
        code, out, err = self.run("compare", self.model, "--json")
        assert code == 0, err
        return {each["version"]: each for each in json.loads(out)}

    def states(self) -> dict[int, str]:
        return {row["version"]: row["state"] for row in self.list()}


@pytest.fixture(scope="module")
def published(repository: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    target = tmp_path_factory.mktemp("versions") / "models"
    shutil.copytree(repository, target)
    publisher = Publisher(target, model)
    weaker = scaled(lambda random: 1 + 0.05 * random.standard_normal())
    publisher.publish(GOOD, weaker, takes_fingerprint=True)
    publisher.publish(TRUNCATED, truncated)
    publisher.publish(NOT_A_NUMBER, scaled(lambda _random: np.nan))
    publisher.publish(DEAF, deafened)
    publisher.publish(UNKNOWN, scaled(lambda random: 1 + 0.5 * random.standard_normal()))
    publisher.publish(TAMPERED, weaker, is_hashed=False)
    return publisher


@pytest.fixture(scope="module")
def operations(
    published: Publisher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operations]:
    folder = tmp_path_factory.mktemp("versions_stack")
    variables = {"TRITONE_JOBS__EMBEDDED": "false", "TRITONE_TRITON__REFRESH_S": "0.3"}
    with running(published.repository, folder, "--quiet", **variables) as stack:
        assert stack.address
        yield Operations(stack, folder / "run", published.model)


def until_only(seen: Traffic, version: int, n_answers: int = 4) -> None:
    """Return when only one version answers, whoever asks."""

    def is_alone() -> bool:
        before = seen.answers.copy()
        until(lambda: seen.since(before).total() >= n_answers)
        return set(seen.since(before)) == {str(version)}

    until(is_alone)


def serving(states: dict[int, str]) -> list[int]:
    return [version for version, state in states.items() if state == "serving"]


HEAVY = {DEAF, UNKNOWN}  # loaded whole, and tried, before they are refused


@pytest.mark.parametrize(
    "version",
    [pytest.param(each, marks=[pytest.mark.drill] if each in HEAVY else []) for each in REFUSALS],
)
def test_a_bad_version_is_refused_in_one_line_and_the_old_one_serves_on(
    operations: Operations, version: int
) -> None:
    before = operations.states()
    with traffic(operations.stack.address) as seen:
        code, out, err = operations.run("promote", operations.model, str(version), "--json")
        n_answers = seen.answers.total() + 3
        until(lambda: seen.answers.total() >= n_answers)
    assert code == 1
    assert out == ""
    assert REFUSALS[version] in err
    assert err.count("\n") == 1
    assert (seen.failures, seen.changed) == ([], [])
    assert set(seen.answers) == set(map(str, serving(before)))
    assert serving(operations.states()) == serving(before)


def restart(stack: Stack) -> None:
    """Kill Triton, and return when the stack has started it again."""
    n_starts = stack.log.count("triton is ready again")
    stack.triton().kill()
    until(lambda: stack.log.count("triton is ready again") > n_starts)


def test_a_version_is_tried_on_some_promoted_rolled_back_and_kept_over_restarts(
    operations: Operations,
) -> None:
    stack = operations.stack
    with traffic(stack.address) as seen:
        until_only(seen, 1)

        assert operations.do("promote", str(GOOD))[1] == "previous"
        until_only(seen, GOOD)

        assert operations.do("rollback")[GOOD] == "previous"
        until_only(seen, 1)

        assert operations.do("canary", str(GOOD), "--share", str(SHARE))[GOOD] == "canary"
        until(lambda: seen.latest == str(GOOD))
        before = seen.answers.copy()
        until(lambda: seen.since(before).total() >= 40)
        tried = seen.since(before)
        assert 0.07 < tried[str(GOOD)] / tried.total() < 0.6  # 40 draws at 0.3: 3 sigma and more
    compared = operations.compare()
    assert set(compared) == {"1", str(GOOD)}
    assert all(each["passes"] > 0 for each in compared.values())
    assert all(each["silent"] == each["failures"] == 0 for each in compared.values())

    later = _promoted_after_a_restart(operations)
    last = _served_after_a_restart(operations)
    for part in (seen, later, last):
        assert (part.failures, part.changed) == ([], [])
    assert later.sounds.items() <= seen.sounds.items()
    assert all(seen.sounds[seed, "1"] != seen.sounds[seed, str(GOOD)] for seed in range(3))


def _promoted_after_a_restart(operations: Operations) -> Traffic:
    restart(operations.stack)
    assert operations.states()[GOOD] == "canary"
    until_served(operations)
    with traffic(operations.stack.address) as seen:
        until(lambda: set(seen.answers) == {"1", str(GOOD)})

        assert operations.do("promote", str(GOOD))[GOOD] == "serving"
        until_only(seen, GOOD)

        assert operations.do("unload", "1")[1] == "published"
        until_only(seen, GOOD)
    return seen


def _served_after_a_restart(operations: Operations) -> Traffic:
    restart(operations.stack)
    assert serving(operations.states()) == [GOOD]
    until_served(operations)
    with traffic(operations.stack.address) as seen:
        until_only(seen, GOOD)
    return seen


def until_served(operations: Operations) -> None:
    def is_ready() -> bool:
        try:
            return (
                httpx2.get(f"http://{operations.stack.address}/readyz").status_code
                == httpx2.codes.OK
            )
        except httpx2.HTTPError:
            return False

    until(is_ready)


@pytest.mark.drill
def test_a_triton_is_operated_whose_files_we_do_not_see(
    operations: Operations, tmp_path: Path
) -> None:
    """From another machine: only its address, and a copy of what was published."""
    address = RunningStack(**json.loads((operations.state_directory / "stack.json").read_text()))
    copy = tmp_path / "models"
    shutil.copytree(operations.stack.repository, copy, copy_function=os.link)
    before = operations.states()
    other = next(version for version in (1, GOOD) if before[version] != "serving")

    def remote(*arguments: str) -> tuple[int, str, str]:
        elsewhere = (*arguments, "--url", address.triton, "--json")
        return operations.run(*elsewhere, state_directory=tmp_path)

    code, _, err = remote("promote", operations.model, str(other))
    assert code == 1
    assert "give --repository" in err
    assert operations.states() == before
    code, out, err = remote("verify", operations.model, str(other), "--repository", str(copy))
    assert code == 0, err
    assert json.loads(out)["smoke"]["fingerprint_error"] < 1e-2
    with traffic(operations.stack.address) as seen:
        code, _, err = remote("promote", operations.model, str(other), "--repository", str(copy))
        assert code == 0, err
        until_only(seen, other)
        assert remote("rollback", operations.model)[0] == 0
        until_only(seen, serving(before)[0])
    assert (seen.failures, seen.changed) == ([], [])
