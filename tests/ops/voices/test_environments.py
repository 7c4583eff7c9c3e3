"""Environments are built by a fake installer: what the command says, keeps and takes up again."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.triton.home import PYTHON_VERSION
from ops.voices import engines_cli, environments
from ops.voices.added import AddedVoices
from ops.voices.installer import InstallFailed
from ops.voices.publishing import Publication
from tritone.card import SpeechCard, Voice
from tritone.engines import ENGINES
from tritone.isolated import remedy

Run = Callable[..., Result]
NAME = "parler-tts"
PACKAGES = f"lib/python{PYTHON_VERSION}/site-packages"


class FakeInstaller:
    """Makes folders; its Python says what a test wants."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails_at = ""
        self.fault = ""
        self.meanwhile: Callable[[], object] = lambda: None  # while packages are installed

    def make(self, environment: Path) -> None:
        self._call("make")
        (environment / PACKAGES).mkdir(parents=True, exist_ok=True)
        python = environment / "bin" / "python"
        python.parent.mkdir(exist_ok=True)
        looks = 'test ! -e "$(dirname "$0")/../torn"'
        ends = f"echo '{self.fault}'; exit 1" if self.fault else looks
        python.write_text(f"#!/bin/sh\n{ends}\n")
        python.chmod(0o755)

    def install(self, environment: Path, lock: Path) -> None:
        assert lock.name == f"{environment.name}.txt"
        self._call("install")
        self.meanwhile()

    def install_torch(self, environment: Path, packages: Sequence[str], cache: Path) -> None:
        needed = ENGINES[environment.name].environment
        assert needed is not None
        assert tuple(packages) == needed.torch
        cache.mkdir(exist_ok=True)
        self._call("torch")

    def _call(self, step: str) -> None:
        self.calls.append(step)
        if step == self.fails_at:
            raise InstallFailed(f"{step} failed: no network")


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> FakeInstaller:
    made = FakeInstaller()
    monkeypatch.setattr(engines_cli, "make_installer", lambda: made)
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(state: Path, tmp_path: Path, installer: FakeInstaller) -> Run:
    def run(*arguments: str, **settings: str) -> Result:
        variables = {
            "TRITONE_STATE_DIRECTORY": str(state),
            "TRITONE_MODEL_REPOSITORY": str(tmp_path / "models"),
            **settings,
        }
        return CliRunner().invoke(app, ["voices", *arguments], env=variables)

    return run


def row(run: Run, name: str = NAME) -> dict[str, object]:
    rows = json.loads(run("engine", "list", "--json").stdout)
    return next(each for each in rows if each["engine"] == name)


def test_an_environment_is_built_once_and_says_what_it_needs(
    run: Run, state: Path, installer: FakeInstaller
) -> None:
    assert not row(run)["is_installed"]
    ended = run("engine", "add", NAME)
    assert ended.exit_code == 0, ended.stderr
    first, *steps = ended.stderr.splitlines()
    assert first == f"parler-tts needs 1.6 GB in {state / 'engines' / NAME}"
    assert [line[:7] for line in steps] == ["1 of 4:", "2 of 4:", "3 of 4:", "4 of 4:"]
    assert "torch==2.13.0" in steps[2]
    assert ended.stdout.startswith("parler-tts is installed, in ")
    packages = state / "engines" / NAME / PACKAGES
    assert {each.name for each in packages.iterdir()} == {"tritone", "backends"}
    assert row(run)["is_installed"]
    again = run("engine", "add", NAME)
    assert again.stdout.startswith("parler-tts is installed already, in ")
    assert installer.calls == ["make", "install", "torch"]


def test_what_was_interrupted_is_taken_up_again(run: Run, installer: FakeInstaller) -> None:
    installer.fails_at = "torch"
    ended = run("engine", "add", NAME)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1] == "tritone: torch failed: no network"
    assert row(run)["fault"] == f"of another release, or not whole; {remedy(NAME)}"
    installer.fails_at = ""
    ended = run("engine", "add", NAME)
    assert ended.stderr.splitlines()[0].endswith("; a part of it is there already")
    assert row(run)["is_installed"]


@pytest.mark.parametrize("other", [NAME, "chatterbox"])  # they share a folder of downloads
def test_one_environment_is_built_at_a_time(
    run: Run, state: Path, installer: FakeInstaller, other: str
) -> None:
    ended: list[Result] = []
    asked = (("add", other), ("remove", NAME))
    installer.meanwhile = lambda: ended.extend(run("engine", *each) for each in asked)
    assert run("engine", "add", NAME).exit_code == 0
    holder = f"`tritone voices engine add {NAME}`, process {os.getpid()}, since "
    for each in ended:
        assert each.exit_code == 1
        assert each.stderr.startswith(f"tritone: {state / 'engines'} is in use by {holder}")
        way_out = "; wait until it has ended, or set TRITONE_ENGINE_DIRECTORY to another folder\n"
        assert each.stderr.endswith(way_out)
    assert len(ended) == len(asked)
    assert installer.calls == ["make", "install", "torch"]
    installer.meanwhile = lambda: None
    assert run("engine", "add", "chatterbox").exit_code == 0  # the lock ended with its holder
    assert row(run)["is_installed"]


def test_an_engine_that_does_not_load_is_not_installed(run: Run, installer: FakeInstaller) -> None:
    installer.fault = "numpy cannot be imported: gone"
    ended = run("engine", "add", NAME)
    assert ended.stderr.endswith("is built, but numpy cannot be imported: gone\n")
    assert not row(run)["is_installed"]
    assert installer.calls == ["make", "install", "torch"]  # once: it was all new


def test_damage_is_seen_and_mended_by_the_same_command(
    run: Run, state: Path, installer: FakeInstaller
) -> None:
    run("engine", "add", NAME)
    (state / "engines" / NAME / "bin" / "python").unlink()
    fault = str(row(run)["fault"])
    assert fault.endswith(f"bin/python cannot be run: No such file or directory; {remedy(NAME)}")
    assert run("engine", "add", NAME).exit_code == 0
    assert row(run)["is_installed"]


def test_damage_that_the_steps_do_not_see_is_mended_by_building_anew(
    run: Run, state: Path, installer: FakeInstaller
) -> None:
    run("engine", "add", NAME)
    torn = state / "engines" / NAME / "torn"  # as a package whose files went, and whose name stays
    torn.touch()
    assert not row(run)["is_installed"]
    ended = run("engine", "add", NAME)
    assert ended.exit_code == 0, ended.stderr
    assert f"{torn.parent} is built anew: its Python ended with status 1" in ended.stderr
    assert row(run)["is_installed"]
    assert installer.calls == 3 * ["make", "install", "torch"]


def test_an_environment_of_another_python_is_built_anew(
    run: Run, state: Path, installer: FakeInstaller
) -> None:
    old = state / "engines" / NAME / "lib/python3.10/site-packages"
    (old / "numpy").mkdir(parents=True)
    (state / "engines" / NAME / "bin").mkdir()
    ended = run("engine", "add", NAME)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stderr.startswith(f"{state / 'engines' / NAME} is built anew: it is of another")
    assert not old.exists()
    assert row(run)["is_installed"]
    assert installer.calls == ["make", "install", "torch"]


def test_a_disk_that_is_too_small_is_said_before_anything_is_done(
    run: Run, installer: FakeInstaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1_000_000_000))
    ended = run("engine", "add", NAME)
    assert "has 1.0 GB free, and 2.1 GB are needed; set TRITONE_ENGINE_DIRECTORY" in ended.stderr
    assert installer.calls == []


def test_a_path_that_cannot_stand_in_path_is_refused(
    run: Run, tmp_path: Path, installer: FakeInstaller
) -> None:
    ended = run("engine", "add", NAME, TRITONE_ENGINE_DIRECTORY=str(tmp_path / "a:b"))
    assert "a:b/parler-tts has a colon" in ended.stderr
    assert ended.stderr.endswith("set TRITONE_ENGINE_DIRECTORY to one without it\n")
    assert installer.calls == []


def test_the_folder_of_environments_is_a_setting_and_may_have_any_name(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "large $disk; 'ours'"
    ended = run("engine", "add", NAME, TRITONE_ENGINE_DIRECTORY=str(folder))
    assert ended.exit_code == 0, ended.stderr
    assert (folder / NAME / "bin" / "python").is_file()


def test_what_is_not_for_commerce_needs_its_licence_accepted(
    run: Run, installer: FakeInstaller
) -> None:
    ended = run("engine", "add", "xtts_v2")
    assert ended.stderr.startswith("tritone: voices of xtts_v2 are under the licence CPML")
    assert installer.calls == []
    assert run("engine", "add", "xtts_v2", "--accept-licence").exit_code == 0


def test_an_engine_without_an_environment_is_refused(run: Run) -> None:
    ended = run("engine", "add", "kokoro")
    assert ended.stderr == (
        "tritone: kokoro is no engine with an environment of its own: "
        "parler-tts, xtts_v2, chatterbox\n"
    )


def test_an_environment_that_a_voice_needs_stays(run: Run, state: Path) -> None:
    run("engine", "add", NAME)
    added = AddedVoices.of_state(state)
    added.publish(_publication())
    ended = run("engine", "remove", NAME)
    assert ended.stderr == "tritone: jon cannot speak without parler-tts: remove them first\n"
    added.remove("jon")
    assert run("engine", "remove", NAME).stdout == "parler-tts is removed\n"
    assert run("engine", "remove", NAME).stderr == "tritone: parler-tts is not installed\n"
    assert not (state / "engines" / NAME).exists()


def test_wheels_are_kept_while_there_are_environments(run: Run, state: Path) -> None:
    for each in (NAME, "chatterbox"):
        run("engine", "add", each)
    run("engine", "remove", NAME)
    assert (state / "engines" / ".wheels").is_dir()
    run("engine", "remove", "chatterbox")
    assert not (state / "engines" / ".wheels").exists()


def test_the_table_of_engines_says_where_each_runs(run: Run) -> None:
    run("engine", "add", NAME)
    lines = {line.split()[0]: line for line in run("engines").stdout.splitlines()[1:]}
    assert "our environment" in lines["kokoro"]
    assert "its own" in lines["chatterbox"]
    assert "no voice yet" in lines[NAME]
    assert "(non-commercial)" in lines["xtts_v2"]
    rows = {each["name"]: each for each in json.loads(run("engines", "--json").stdout)}
    assert [rows[each]["has_environment"] for each in ("kokoro", NAME, "xtts_v2")] == [
        None,
        True,
        False,
    ]


@pytest.mark.parametrize("engine", [each for each in ENGINES.values() if each.environment])
def test_every_such_engine_has_a_lock_with_hashes_a_numpy_of_triton_and_no_torch(
    engine: object,
) -> None:
    name = engine.name  # type: ignore[attr-defined]
    text = environments.find_lock(name).read_text()
    names = [line.partition("==")[0] for line in text.splitlines() if line[:1].isalnum()]
    assert not {"torch", "torchaudio", "triton"} & set(names)
    assert {"numpy", "sentencex"} <= set(names)
    assert "\nnumpy==1." in text
    assert text.count("--hash=sha256:") >= len(names)


def _publication() -> Publication:
    voice = Voice(
        id="jon", name="Jon", language="en-US", gender="neutral", license="MIT", description=""
    )
    card = SpeechCard(
        name="jon",
        engine=NAME,
        voices=(voice,),
        default_voice="jon",
        sample_rate=44_100,
        audio_channels=1,
        min_speed=0.5,
        max_speed=2.0,
        max_characters=1000,
    )
    return Publication(
        card=card, network=None, network_spec=None, source="a test", licence="MIT", precision=""
    )
