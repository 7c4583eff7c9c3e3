"""A version is deleted under traffic, and a model is retired for good."""

import time
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from ops.cli import app
from tests.acceptance.conftest import copy_of
from tests.acceptance.drills import status_of, until
from tests.acceptance.stack import SPEAKS, running
from tests.acceptance.versions import Publisher, traffic

pytestmark = [pytest.mark.triton, pytest.mark.export]

LONGER_THAN_HEALING_S = 4.0


def models(state_directory: Path, *arguments: str) -> tuple[int, str]:
    variables = {"TRITONE_STATE_DIRECTORY": str(state_directory)}
    ended = CliRunner().invoke(app, ["models", *arguments], env=variables)
    return ended.exit_code, ended.stderr


def served(address: str) -> tuple[list[str], dict[str, str]]:
    """Return the models that are served, and those that are away, and why."""
    answer = httpx2.get(f"http://{address}/readyz?verbose").json()
    return answer["models"], answer["away"]


@pytest.mark.drill
def test_versions_are_deleted_under_traffic_and_a_model_is_retired_for_good(
    repository: Path, model: str, tmp_path: Path
) -> None:
    folder, run = copy_of(repository, tmp_path / "models"), tmp_path / "run"
    Publisher(folder, model).publish(2, lambda *_: None)
    with running(folder, tmp_path, **SPEAKS, TRITONE_JOBS__EMBEDDED="false") as stack:
        with traffic(stack.address) as seen:
            code, said = models(run, "promote", model, "2")
            assert code == 0, said
            code, said = models(run, "rm", model, "2", "--yes")
            assert code == 1
            assert f"version 2 of {model} serves" in said
            code, said = models(run, "rm", model, "1", "--yes")
            assert code == 0, said
            n_answers = seen.answers.total() + 4
            until(lambda: seen.answers.total() >= n_answers)
        assert (seen.failures, seen.changed) == ([], [])
        assert not [*folder.glob("*/1")]
        assert [path.name for path in folder.glob(f"{model}*/2")] == ["2"] * 6
        assert status_of(stack.address, model=model) == 200

        code, said = models(run, "rm", model, "--yes")
        assert code == 0, said
        assert [*folder.iterdir()] == []
        until(lambda: served(stack.address) == (["hibari"], {}))
        time.sleep(LONGER_THAN_HEALING_S)
        assert served(stack.address) == (["hibari"], {})
        assert status_of(stack.address, model=model) == 503  # no model of sounds is left
        assert stack.process.poll() is None
