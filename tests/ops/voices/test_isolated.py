"""Checkpoints of engines in environments of their own, and the way into those."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.settings import Settings
from ops.triton.home import PYTHON_VERSION
from ops.voices.adding import CannotAdd, add_isolated
from ops.voices.environments import EnvironmentFailed, Environments, find_lock
from ops.voices.isolated import (
    NoIsolatedCheckpoint,
    Wanted,
    entrance,
    find_engine,
    find_licence,
    make_publication,
)
from tritone.engines import ENGINES, EngineFacts
from tritone.isolated import FAULT_VARIABLE, FILE, IsolatedCheckpoint

PARLER, XTTS = ENGINES["parler-tts"], ENGINES["xtts_v2"]
SPEAKERS = {"sample_rate": 24_000, "speakers": ["Ana Flo", "Bo"]}
CHATTERBOX = ENGINES["chatterbox"]


class Hub:
    """The hub as `huggingface_hub` shows it: one checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def snapshot_download(self, name: str, allow_patterns: list[str]) -> str:
        assert "README.md" in allow_patterns
        self.asked.append(name)
        if name != f"somebody/{self.folder.name}":
            raise OSError("no such repository")
        return str(self.folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(tmp_path / "voice")
    hub.folder.mkdir()
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    return hub


def write_card(folder: Path, licence: str) -> None:
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n# A voice\n")


def install(folder: Path, engine: str, script: str) -> Environments:
    """Put a shell script where the Python of an environment is."""
    environments = Environments(folder)
    python = environments.python(engine)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    from ops.voices.environments import _STATE, _describe_build

    built = _describe_build(find_lock(engine))
    (environments.path(engine) / _STATE).write_text(json.dumps(built))
    return environments


def describes(folder: Path, engine: str, described: object) -> Environments:
    return install(folder, engine, f"echo noise\necho 'described: {json.dumps(described)}'")


def enter(script: bytes, folder: Path) -> dict[str, str]:
    """Source a script as Triton's shell does, and return the variables that it leaves."""
    activate = folder / "activate"
    activate.write_bytes(script)
    command = ["bash", "-c", f"source {activate} && exec env"]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    return dict(line.split("=", 1) for line in ended.stdout.splitlines() if "=" in line)


@pytest.mark.parametrize(
    ("files", "engine"),
    [
        ({"config.json": '{"model_type": "parler_tts"}'}, "parler-tts"),
        ({"config.json": '{"model": "xtts"}'}, "xtts_v2"),
        ({"config.json": '{"model": "vits"}'}, None),
        ({"config.json": "no JSON"}, None),
        ({"ve.safetensors": "", "s3gen.safetensors": ""}, "chatterbox"),
        ({}, None),
    ],
)
def test_the_engine_of_a_checkpoint_is_known_by_its_files(
    tmp_path: Path, files: dict[str, str], engine: str | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert find_engine(str(tmp_path)) == engine
    assert find_engine("owner/name") is None


def test_a_whole_environment_is_entered(tmp_path: Path) -> None:
    environments = install(tmp_path, "parler-tts", 'test "$*" = "$(cat "$0.asked")"')
    asked = environments.python("parler-tts").with_name("python.asked")
    asked.write_text(f"-I -m tritone.isolated parler-tts {PYTHON_VERSION}")
    (script,) = entrance(environments, "parler-tts").values()
    left = enter(script, tmp_path)
    assert left["PATH"].startswith(f"{tmp_path}/parler-tts/bin:")
    assert FAULT_VARIABLE not in left


@pytest.mark.parametrize(
    ("python", "fault"),
    [
        ("echo a warning; echo 'numpy is gone'; exit 1", "numpy is gone"),
        ("exit 3", "its Python ended with status 3"),
    ],
)
def test_a_broken_environment_is_left_alone_and_its_fault_is_passed_on(
    tmp_path: Path, python: str, fault: str
) -> None:
    (script,) = entrance(install(tmp_path, "parler-tts", python), "parler-tts").values()
    left = enter(script, tmp_path)
    assert left[FAULT_VARIABLE] == fault
    assert left["PATH"] == "/usr/bin:/bin"


def test_an_environment_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "two words; $HOME 'x'"
    (script,) = entrance(install(folder, "parler-tts", "exit 0"), "parler-tts").values()
    left = enter(script, tmp_path)
    assert left["PATH"].startswith(f"{folder}/parler-tts/bin:")
    assert FAULT_VARIABLE not in left


def test_an_environment_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (script,) = entrance(Environments(tmp_path), "parler-tts").values()
    assert "No such file" in enter(script, tmp_path)[FAULT_VARIABLE]


def test_the_speakers_of_a_checkpoint_are_its_voices(tmp_path: Path) -> None:
    environments = describes(tmp_path, "xtts_v2", SPEAKERS)
    wanted = Wanted(name="x", language="it-IT")
    publication = make_publication(environments, XTTS, str(tmp_path), wanted)
    voices = [(voice.id, voice.name, voice.language) for voice in publication.card.voices]
    assert voices == [("x-Ana_Flo", "Ana Flo", "it-IT"), ("x-Bo", "Bo", "it-IT")]
    assert {voice.license for voice in publication.card.voices} == {"CPML"}
    assert publication.card.sample_rate == 24_000
    published = json.loads(publication.files[FILE])
    assert published["voices"] == {"x-Ana_Flo": "Ana Flo", "x-Bo": "Bo"}
    files = publication.all_files()
    assert files["x_speaker/environment/bin/activate"].startswith(b"# Triton's shell")
    assert b'key: "EXECUTION_ENV_PATH"' in files["x_speaker/config.pbtxt"]


def test_a_recording_is_cloned_where_the_engine_can(tmp_path: Path) -> None:
    sample = tmp_path / "me.wav"
    sample.write_bytes(b"RIFF")
    environments = describes(tmp_path, "xtts_v2", SPEAKERS)
    made = make_publication(environments, XTTS, str(tmp_path), Wanted(name="me", sample=sample))
    assert [voice.id for voice in made.card.voices] == ["me"]
    assert json.loads(made.files[FILE])["samples"] == {"me": "sample.wav"}
    assert made.files["sample.wav"] == b"RIFF"
    gone = Wanted(name="me", sample=tmp_path / "gone.wav")
    with pytest.raises(NoIsolatedCheckpoint, match="cannot be read: No such file"):
        make_publication(environments, XTTS, str(tmp_path), gone)


@pytest.mark.parametrize(
    ("engine", "wanted", "said"),
    [
        (PARLER, {"sample": Path("me.wav")}, "parler-tts clones no voices: leave out --sample"),
        (XTTS, {"language": "sw"}, "xtts_v2 does not speak sw, but en, es, fr"),
        (ENGINES["chatterbox"], {"language": "it-IT"}, "does not speak it-IT, but en"),
        (XTTS, {"description": "Ana is calm."}, "speakers of its own: leave out --description"),
    ],
)
def test_what_an_engine_cannot_do_is_refused(
    tmp_path: Path, engine: EngineFacts, wanted: dict[str, Any], said: str
) -> None:
    environments = describes(tmp_path, engine.name, SPEAKERS)
    with pytest.raises(NoIsolatedCheckpoint, match=said):
        make_publication(environments, engine, str(tmp_path), Wanted(name="x", **wanted))


@pytest.mark.parametrize("name", [each.name for each in ENGINES.values() if each.clones])
def test_a_recording_goes_from_the_command_to_the_engine(tmp_path: Path, name: str) -> None:
    """What the engine is told: when the voice is added, and when it speaks."""
    state, checkpoint, sample = (tmp_path / each for each in ("state", "checkpoint", "me.wav"))
    checkpoint.mkdir()
    sample.write_bytes(b"RIFF")
    described = json.dumps({"sample_rate": 24_000, "speakers": []})
    asked = f"echo \"$*\" > {tmp_path}/asked; echo 'described: {described}'"
    install(state / "engines", name, asked)
    command = ["voices", "add", str(checkpoint), "--engine", name, "--name", "me"]
    options = ["--language", "en-GB", "--sample", str(sample), "--accept-licence"]
    variables = {
        "TRITONE_STATE_DIRECTORY": str(state),
        "TRITONE_MODEL_REPOSITORY": str(tmp_path / "models"),
    }
    ended = CliRunner().invoke(app, [*command, *options], env=variables)
    assert ended.exit_code == 0, ended.stderr
    told = f"-I -m backends.isolated.describe {name} {checkpoint} en-GB {sample}\n"
    assert (tmp_path / "asked").read_text() == told

    version = state / "added_voices" / "me_speaker" / "1"
    assert (version / "sample.wav").read_bytes() == b"RIFF"
    read = IsolatedCheckpoint(**json.loads((version / FILE).read_text()))
    assert (read.source, read.voices, read.samples) == (
        str(checkpoint),
        {"me": ""},
        {"me": "sample.wav"},  # beside it: what `backends/speech/isolated.py` hands to the engine
    )


def test_speakers_that_look_alike_in_plain_characters_are_numbered(tmp_path: Path) -> None:
    speakers = ["Анна", "Борис", "美咲", "Bo", "BO", "B o", "B_o"]
    environments = describes(tmp_path, "xtts_v2", {"sample_rate": 24_000, "speakers": speakers})
    made = make_publication(environments, XTTS, str(tmp_path), Wanted(name="x"))
    said = json.loads(made.files[FILE])["voices"]
    assert list(said.values()) == speakers
    assert list(said) == ["x-_", "x-_-2", "x-_-3", "x-Bo", "x-BO-2", "x-B_o", "x-B_o-2"]
    assert [(voice.id, voice.name) for voice in made.card.voices] == list(said.items())


@pytest.mark.parametrize("engine", [XTTS, CHATTERBOX])
def test_a_description_is_refused_where_no_engine_takes_one(
    tmp_path: Path, engine: EngineFacts
) -> None:
    environments = describes(tmp_path / "engines", engine.name, SPEAKERS)
    settings = Settings(
        model_repository=tmp_path / "m",
        state_directory=tmp_path,
        engine_directory=environments.folder,
    )
    wanted = Wanted(name="x", description="Ana is calm.")
    with pytest.raises(CannotAdd, match=f"^{engine.name} takes no description .* --description$"):
        add_isolated(settings, engine, str(tmp_path), wanted, accepts=True)


def test_a_voice_may_be_described(tmp_path: Path) -> None:
    environments = describes(tmp_path, "parler-tts", {"sample_rate": 44_100, "speakers": [""]})
    wanted = Wanted(name="jon", description="Jon speaks fast.")
    made = make_publication(environments, PARLER, str(tmp_path), wanted)
    assert json.loads(made.files[FILE])["voices"] == {"jon": "Jon speaks fast."}


def test_a_checkpoint_that_does_not_open_is_one_sentence(tmp_path: Path) -> None:
    environments = install(tmp_path, "xtts_v2", "echo no vocab.json >&2; exit 1")
    with pytest.raises(
        NoIsolatedCheckpoint, match=r"^xtts_v2 cannot speak with .*: no vocab\.json$"
    ):
        make_publication(environments, XTTS, str(tmp_path), Wanted())
    silent = describes(tmp_path, "xtts_v2", {"sample_rate": 24_000, "speakers": []})
    with pytest.raises(NoIsolatedCheckpoint, match="name a recording to clone with --sample"):
        make_publication(silent, XTTS, str(tmp_path), Wanted())


def test_without_its_environment_the_command_that_builds_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"not built; .* engine add parler-tts$"):
        make_publication(Environments(tmp_path), PARLER, str(tmp_path), Wanted())


def test_licences_are_asked_for(tmp_path: Path) -> None:
    settings = Settings(model_repository=tmp_path / "m", state_directory=tmp_path / "s")
    with pytest.raises(CannotAdd, match="not known, which may restrict"):
        add_isolated(settings, PARLER, str(tmp_path), Wanted(), accepts=False)
    with pytest.raises(CannotAdd, match="is CPML, which may restrict"):
        add_isolated(settings, XTTS, str(tmp_path), Wanted(), accepts=False)
    with pytest.raises(CannotAdd, match="say --accept-licence"):  # of the engine itself
        add_isolated(settings, XTTS, str(tmp_path), Wanted(licence="MIT"), accepts=False)
    with pytest.raises(EnvironmentFailed):  # what comes after the licence
        add_isolated(settings, PARLER, str(tmp_path), Wanted(licence="MIT"), accepts=False)


@pytest.mark.parametrize("is_of_hub", [False, True])
@pytest.mark.parametrize(
    ("engine", "card", "licence"),
    [
        (CHATTERBOX, "cc-by-nc-4.0", "cc-by-nc-4.0"),
        (CHATTERBOX, None, ""),  # whatever the known voices of the engine are under
        (PARLER, "apache-2.0", "apache-2.0"),
        (XTTS, "other", "other"),
        (XTTS, None, "CPML"),  # what forbids most
    ],
)
def test_the_licence_is_the_model_cards(
    hub: Hub, engine: EngineFacts, card: str | None, licence: str, is_of_hub: bool
) -> None:
    if card:
        write_card(hub.folder, card)
    source = "somebody/voice" if is_of_hub else str(hub.folder)
    assert find_licence(engine, source, None) == licence
    assert find_licence(engine, source, "MIT") == "MIT"
    assert hub.asked == (["somebody/voice"] if is_of_hub else [])


def test_a_restricted_voice_of_the_hub_is_refused_before_it_is_fetched_and_named_after(
    tmp_path: Path, hub: Hub
) -> None:
    write_card(hub.folder, "cc-by-nc-4.0")
    one = {"sample_rate": 24_000, "speakers": [""]}
    environments = describes(tmp_path / "engines", "chatterbox", one)
    settings = Settings(
        model_repository=tmp_path / "m",
        state_directory=tmp_path,
        engine_directory=environments.folder,
    )
    for source, known in (("somebody/voice", "cc-by-nc-4.0"), ("somebody/else", "not known")):
        with pytest.raises(CannotAdd, match=f"^the licence of {source} is {known}, which may"):
            add_isolated(settings, CHATTERBOX, source, Wanted(), accepts=False)
    hub.asked.clear()
    added = add_isolated(settings, CHATTERBOX, "somebody/voice", Wanted(), accepts=True)
    assert [voice.license for voice in added.card.voices] == ["cc-by-nc-4.0"]
    assert hub.asked == ["somebody/voice"]
