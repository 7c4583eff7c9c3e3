"""An engine in an environment of its own speaks; broken, it is a sentence and harms no other."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.settings import Settings
from ops.voices import environments as room
from ops.voices import trial
from ops.voices.adding import add_isolated, remove
from ops.voices.environments import Environments, build, find_fault
from ops.voices.isolated import Wanted
from ops.voices.trial import TrialFailed
from tests.acceptance.drills import until
from tests.acceptance.speech_client import say, speaks
from tests.acceptance.stack import Stack
from tests.tiny_engine import ENGINE, TinyInstaller, write_checkpoint, write_lock
from tritone.engines import ENGINES

pytestmark = [pytest.mark.triton, pytest.mark.drill]

ROOT = Path(__file__).parents[2]
REMEDY = "tritone voices engine add tiny"


@pytest.fixture
def settings(served: Stack) -> Settings:
    _ = served.address  # it is ready
    state = served.log_file.parent / "run"
    return Settings(
        model_repository=served.repository,
        state_directory=state,
        engine_directory=state / "two words; $HOME",  # Triton's shell quotes no path
    )


@pytest.fixture
def environments(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Environments]:
    lock = write_lock(ROOT, tmp_path / "tiny.txt")
    monkeypatch.setattr(room, "find_lock", lambda _: lock)
    monkeypatch.setitem(ENGINES, "tiny", ENGINE)
    environments = Environments.of(settings)
    build(environments, ENGINE, TinyInstaller(), lambda _: None)
    yield environments
    remove(settings, "tono")
    assert environments.remove("tiny")


def _lose_numpy(environment: Path) -> Callable[[], object]:
    (numpy,) = environment.glob("lib/python*/site-packages/numpy")
    gone = numpy.rename(numpy.with_name("gone"))
    return lambda: gone.rename(numpy)


def _crash(environment: Path) -> Callable[[], object]:
    python = environment / "bin" / "python"
    real = python.readlink()
    python.unlink()
    python.write_text("#!/bin/sh\nkill -SEGV $$\n")
    python.chmod(0o755)

    def mend() -> None:
        python.unlink()
        python.symlink_to(real)

    return mend


def test_packages_whose_files_are_gone_are_brought_back(environments: Environments) -> None:
    """What uv lists as installed it does not look at."""
    for lost in ("numpy", "sentencex"):
        (package,) = environments.path("tiny").glob(f"lib/python*/site-packages/{lost}")
        shutil.rmtree(package)
    assert find_fault(environments, "tiny") == "numpy cannot be imported: No module named 'numpy'"
    build(environments, ENGINE, TinyInstaller(), lambda _: None)
    assert find_fault(environments, "tiny") is None


def test_an_engine_in_its_own_environment_speaks_and_a_broken_one_harms_no_other(
    served: Stack, settings: Settings, environments: Environments, tmp_path: Path
) -> None:
    checkpoint = str(write_checkpoint(tmp_path / "tono"))
    added = add_isolated(settings, ENGINE, checkpoint, Wanted(language="en-GB"), accepts=False)
    assert added.first_s is not None
    assert [voice.id for voice in added.card.voices] == ["tono-low", "tono-high"]
    first, again, other = (
        asyncio.run(say(settings, "tono", b"Hello there.", seed)) for seed in (1, 1, 2)
    )
    assert first == again != other

    triton = served.triton().pid
    damages = {_lose_numpy: "numpy cannot be imported", _crash: "its Python ended with status 139"}
    for damage, said in damages.items():
        mend = damage(environments.path("tiny"))
        served.stub("tono_speaker").kill()
        until(lambda said=said: said in _away(served.address).get("tono", ""))  # type: ignore[misc]
        assert REMEDY in _away(served.address)["tono"]
        listed = CliRunner().invoke(
            app, ["models", "list"], env={"TRITONE_STATE_DIRECTORY": str(settings.state_directory)}
        )
        assert REMEDY in " ".join(listed.stdout.split())
        assert served.has_logged(said)
        assert speaks(served.address, "heart")
        mend()
        until(lambda: "tono" not in _away(served.address))
    assert asyncio.run(say(settings, "tono", b"Hello there.", 1)) == first
    assert REMEDY in served.log
    assert served.triton().pid == triton


def test_a_voice_whose_process_dies_as_it_loads_is_taken_back(
    served: Stack,
    settings: Settings,
    environments: Environments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Triton says so, or waits for it for ever and is killed, as the moment falls."""
    monkeypatch.setattr(trial, "_LOAD_TIMEOUT_S", 30.0)
    checkpoint = write_checkpoint(tmp_path / "grim")
    (checkpoint / "deadly").touch()
    with pytest.raises(TrialFailed, match=r"(has not loaded|cannot load) grim"):
        add_isolated(settings, ENGINE, str(checkpoint), Wanted(), accepts=False)
    until(lambda: speaks(served.address, "heart"))
    assert not list((settings.resolved_state_directory() / "added_voices").glob("grim*"))
    assert "grim" not in _away(served.address)
    assert environments.is_built("tiny")


def _away(address: str) -> dict[str, str]:
    found: dict[str, str] = httpx2.get(f"http://{address}/readyz?verbose").json()["away"]
    return found
