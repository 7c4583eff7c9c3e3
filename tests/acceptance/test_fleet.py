"""Versions over three real Tritons under load: taken back everywhere, promoted, followed."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from ops.cli import app
from tests.acceptance.drills import tell
from tests.acceptance.stack import Stack, running
from tests.acceptance.versions import Publisher, Traffic, scaled, traffic, until

pytestmark = [
    pytest.mark.triton,
    pytest.mark.export,
    pytest.mark.drill,
    pytest.mark.timeout(600),
]

BAD_ON_THE_SECOND, GOOD = 2, 3


@dataclass(frozen=True)
class Fleet:
    """Three Tritons, each with files of its own, and a frontend over them."""

    tritons: list[Stack]
    frontend: Stack
    model: str
    variables: dict[str, str]

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run `tritone models` with the fleet's settings; return its status and what it said."""
        repository = ["--repository", str(self.tritons[0].repository)]
        command = ["models", *arguments, *repository]
        ended = CliRunner().invoke(app, command, env=self.variables, catch_exceptions=False)
        return ended.exit_code, ended.output

    def left_out(self) -> dict[str, str]:
        answer = httpx2.get(f"http://{self.frontend.address}/readyz?verbose")
        reasons: dict[str, str] = answer.json()["tritons_left_out"]
        return reasons

    def versions(self, folder: Path) -> list[int]:
        """Return the version that each Triton serves."""
        found = []
        for triton in self.tritons:
            variables = {"TRITONE_STATE_DIRECTORY": str(folder / "nowhere")}
            command = ["models", "list", "--url", triton.address, "--json"]
            rows = json.loads(CliRunner().invoke(app, command, env=variables).stdout)
            found += [r["version"] for r in rows if r["state"] == "serving"]
        return found


@pytest.fixture
def fleet(repository: Path, model: str, tmp_path: Path) -> Iterator[Fleet]:
    weaker = scaled(lambda random: 1 + 0.05 * random.standard_normal())
    other = scaled(lambda random: 1 + 0.5 * random.standard_normal())
    with ExitStack() as stack:
        tritons = []
        for name in ("first", "second", "third"):
            models = tmp_path / name / "models"
            shutil.copytree(repository, models)
            publisher = Publisher(models, model)
            spoil = other if name == "second" else weaker
            publisher.publish(BAD_ON_THE_SECOND, spoil, takes_fingerprint=True)
            publisher.publish(GOOD, weaker, takes_fingerprint=True)
            tritons.append(stack.enter_context(running(models, tmp_path / name, "--no-frontend")))
        variables = {
            "TRITONE_TRITON__URL": ",".join(triton.address for triton in tritons),
            "TRITONE_TRITON__FLEET": str(tmp_path / "fleet.json"),
        }
        more = {"TRITONE_TRITON__REFRESH_S": "0.3", "TRITONE_JOBS__EMBEDDED": "false"}
        frontend = running(tmp_path, tmp_path / "frontend", **variables, **more)
        yield Fleet(tritons, stack.enter_context(frontend), model, variables)


def until_answers(seen: Traffic, n_more: int = 20) -> set[str]:
    """Return the versions of so many further answers."""
    before = seen.answers.copy()
    until(lambda: seen.since(before).total() >= n_more)
    return set(seen.since(before))


def test_a_fleet_changes_its_version_as_a_whole_and_no_request_fails(
    fleet: Fleet, tmp_path: Path
) -> None:
    assert fleet.versions(tmp_path) == [1, 1, 1]
    third = fleet.tritons[2]
    with traffic(fleet.frontend.address) as seen:
        until_answers(seen)
        code, said = fleet.run("promote", fleet.model, str(BAD_ON_THE_SECOND), "--fleet")
        assert code == 1
        assert f"{fleet.tritons[1].address}: " in said
        assert "is not what was published: its fingerprint" in said
        assert said.rstrip().endswith("every Triton is back")
        assert fleet.versions(tmp_path) == [1, 1, 1]
        assert until_answers(seen) == {"1"}

        code, said = fleet.run("promote", fleet.model, str(GOOD), "--fleet")
        assert code == 0, said
        assert fleet.versions(tmp_path) == [GOOD] * 3
        until(lambda: until_answers(seen, 6) == {str(GOOD)})

        third.triton().kill()  # its own files still say version 1
        until(lambda: "does not answer" in fleet.left_out().get(third.address, ""))
        until(lambda: "serves version 1" in fleet.left_out().get(third.address, ""))
        assert until_answers(seen) == {str(GOOD)}
        code, said = fleet.run("follow", "--once")
        assert (code, f"{third.address} serves version {GOOD}" in said) == (0, True), said
        until(lambda: not fleet.left_out())
        assert until_answers(seen) == {str(GOOD)}
    tell(f"three Tritons: {seen.answers}, {len(seen.failures)} failed")
    assert not seen.failures
    assert not seen.changed
