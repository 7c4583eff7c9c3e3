import os
import signal
import stat
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import httpx2
import pytest

from frontend.errors import BackendUnavailable, InvalidRequest, Overloaded
from tests.fakes import FakeGateway
from tests.live import Live
from tests.ops.client.conftest import Run


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as wav:
        return float(wav.getnframes() / wav.getframerate())


@contextmanager
def failing(gateway: FakeGateway, error: Exception) -> Iterator[None]:
    gateway.error = error
    try:
        yield
    finally:
        gateway.error = None


def test_a_sound_is_written_into_the_file(run: Run, live: Live, tmp_path: Path) -> None:
    ended = run("generate", "rain", "-o", "rain.wav", "--seconds", "2", "--seed", "42")
    assert (ended.exit_code, ended.stdout) == (0, "rain.wav\n"), ended.stderr
    assert seconds_of(tmp_path / "rain.wav") == pytest.approx(2, abs=0.01)
    assert live.gateway.passes[-1].seed == 42
    assert [path.name for path in tmp_path.iterdir()] == ["rain.wav"]


def test_every_option_arrives(run: Run, live: Live) -> None:
    options = ("--seconds", "3", "--seed", "7", "--steps", "9", "--guidance", "2.5")
    ended = run("generate", "rain", *options, "--negative", "wind", "--model", "starter")
    assert ended.exit_code == 0, ended.stderr
    made = live.gateway.passes[-1]
    assert (made.prompt, made.controls, made.seed) == ("rain", {"negative_prompt": "wind"}, 7)
    assert (made.steps, made.guidance_scale, made.card.name) == (9, 2.5, "starter")


def test_files_without_a_name_are_named_after_what_is_in_them(run: Run, tmp_path: Path) -> None:
    ended = run("generate", "Rain on a roof!", "-n", "3", "--seed", "42", "--seconds", "1.5")
    names = [f"rain-on-a-roof_seed{seed}_1.5s.wav" for seed in (42, 43, 44)]
    assert ended.stdout.splitlines() == names
    sounds = {(tmp_path / name).read_bytes() for name in names}
    assert len(sounds) == 3


def test_each_of_many_has_its_seed_in_the_name_that_is_given(run: Run, tmp_path: Path) -> None:
    ended = run("generate", "rain", "-n", "2", "--seed", "1", "--seconds", "1", "-o", "a.flac")
    assert ended.stdout.splitlines() == ["a_seed1.flac", "a_seed2.flac"]
    assert (tmp_path / "a_seed1.flac").read_bytes().startswith(b"fLaC")


def test_a_server_without_jobs_makes_it_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise BackendUnavailable("Jobs are not available.")

    monkeypatch.setattr("frontend.contracts.tritone.jobs.submit_job", refuse)
    ended = run("generate", "rain", "--seconds", "1", "--seed", "5")
    assert ended.stdout == "rain_seed5_1s.wav\n", ended.stderr
    assert seconds_of(tmp_path / "rain_seed5_1s.wav") == pytest.approx(1, abs=0.01)
    assert run("say", "Hello.", "-o", "hello.wav").exit_code == 0
    assert seconds_of(tmp_path / "hello.wav") > 0.1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "nowhere"), "nowhere"),
        (("--seconds", "-3"), "seconds"),
        (("-o", "rain.xyz"), "formats"),
        (("-o", "no/such/folder.wav"), "there is no folder no/such"),
        (("--key", "wrong"), "--key"),
        (("--url", "http://127.0.0.1:1"), "tritone up"),
        (("--url", "127.0.0.1:1"), "such as http://"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    ended = run("generate", "rain", *arguments)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("tritone: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_wrong_number_is_a_usage_error(run: Run) -> None:
    assert run("generate", "rain", "--seconds", "two").exit_code == 2
    assert run("generate").exit_code == 2


def test_a_busy_server_has_an_exit_status_of_its_own(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise Overloaded("Too many jobs wait.", retry_after_s=3.0)

    monkeypatch.setattr("frontend.contracts.tritone.jobs.submit_job", refuse)
    ended = run("generate", "rain")
    assert ended.exit_code == 75
    assert ended.stderr == "tritone: Too many jobs wait. Try again in 3 s\n"


def test_a_failed_job_says_why(run: Run, live: Live) -> None:
    with failing(live.gateway, InvalidRequest("The model cannot do that.")):
        ended = run("generate", "rain")
    assert ended.exit_code == 1
    assert ended.stderr == "tritone: The model cannot do that.\n"


def test_a_text_is_spoken_into_a_file(run: Run, tmp_path: Path) -> None:
    ended = run("say", "-", "-o", "hello.mp3", "--voice", "marie", text="Hello.\n")
    assert (ended.exit_code, ended.stdout) == (0, "hello.mp3\n"), ended.stderr
    with av.open(str(tmp_path / "hello.mp3")) as sound:
        assert sound.streams.audio[0].codec_context.name.startswith("mp3")


def test_an_unknown_voice_is_named(run: Run) -> None:
    ended = run("say", "Hello.", "-o", "hello.wav", "--voice", "nobody")
    assert ended.exit_code == 1
    assert "nobody" in ended.stderr


def test_the_speakers_hear_it_through_whatever_player_there_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    player = tmp_path / "bin/aplay"
    player.parent.mkdir()
    player.write_text(f"#!/bin/sh\nexec /bin/cat > {heard}\n")
    player.chmod(player.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(player.parent))
    ended = run("say", "Hello.")
    assert (ended.exit_code, ended.stdout) == (0, ""), ended.stderr
    with av.open(str(heard)) as sound:
        assert sum(frame.samples for frame in sound.decode(audio=0)) > 0


def test_without_a_player_the_remedy_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    ended = run("say", "Hello.")
    assert ended.exit_code == 1
    assert "write a file with -o" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_ctrl_c_cancels_the_job(live: Live, tmp_path: Path) -> None:
    with (
        live.held(),
        running("generate", "an endless sound", live=live, folder=tmp_path) as command,
    ):
        deadline = time.monotonic() + 30
        while not statuses(live, "running") and time.monotonic() < deadline:
            time.sleep(0.02)
        command.send_signal(signal.SIGINT)
        said = command.communicate(timeout=30)[1]
        assert (command.returncode, said) == (130, "tritone: cancelled\n")
        assert statuses(live)[0] in {"cancelled", "running"}
        assert cancel_requested(live)


@contextmanager
def running(*arguments: str, live: Live, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own, which hears SIGINT also where we ignore it."""
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{start}; from ops.cli import main; main()", *arguments]
    environment = os.environ | {"TRITONE_URL": live.url, "TRITONE_KEY": live.key}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def newest(live: Live, **query: str) -> list[dict[str, object]]:
    headers = {"authorization": f"Bearer {live.key}"}
    answer = httpx2.get(f"{live.url}/jobs", headers=headers, params={"limit": "1", **query})
    jobs: list[dict[str, object]] = answer.json()["jobs"]
    return jobs


def statuses(live: Live, status: str | None = None) -> list[object]:
    return [job["status"] for job in newest(live, **({"status": status} if status else {}))]


def cancel_requested(live: Live) -> bool:
    return bool(newest(live)[0]["cancel_requested"])
