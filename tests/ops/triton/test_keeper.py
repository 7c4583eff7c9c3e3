"""The first process of Triton's image, with a scripted Triton; acceptance has a real one."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ops.triton import keeper as module
from tests.cards import SONG_CARD
from tests.deploy.knowledge import DEPLOY
from tritone import upstream
from tritone.card import CARD_PARAMETER, TRIAL_TEXT
from tritone.tensors import PRIORITY, ensemble
from tritone.turns import BACKGROUND

KEEPER = [sys.executable, str(DEPLOY.parent / "ops" / "triton" / "keeper.py")]
TIMEOUT_S = 30

INPUTS = ensemble(SONG_CARD).inputs  # more than most models take


@dataclass
class FakeTriton:
    """The HTTP API as far as the keeper uses it."""

    states: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    unloaded: list[str] = field(default_factory=list)
    looks_until_idle: int = 0
    sound: dict[str, list[int]] | None = field(default_factory=lambda: {"pcm": [0, 3, -2]})
    n_made: int = 0
    asked: list[dict[str, object]] = field(default_factory=list)
    card: dict[str, str] = field(default_factory=dict)
    takes: tuple[str, ...] = ()  # inputs in place of those of a sound
    port: int = 0

    def answer(  # noqa: PLR0911 -- one for each path
        self, path: str, body: dict[str, object]
    ) -> tuple[int, object]:
        match path.strip("/").split("/")[1:]:
            case ["repository", "index"]:
                self._advance()
                return 200, [{"name": n, "state": s} for n, s in self.states.items()]
            case ["models", name, "config"]:
                return 200, self._config(name)
            case ["models", name, "ready"]:
                return (400 if name in self.dead else 200), None
            case ["models", _, "stats"]:
                success = {"count": self.n_made} if self.n_made else {}
                return 200, {"model_stats": [{"inference_stats": {"success": success}}]}
            case ["models", _, "generate"]:
                self.asked.append(body)
                self.n_made += self.sound is not None
                return (200, self.sound) if self.sound else (500, {"error": "CUDA error 700"})
            case ["repository", "models", name, "unload"]:
                self.unloaded.append(name)
                self.states[name] = "UNLOADING"
                return 200, None
        return 404, {"error": path}

    def _config(self, name: str) -> dict[str, object]:
        inputs = [{"name": e.name, "data_type": f"TYPE_{e.dtype}"} for e in INPUTS]
        if self.takes:
            inputs = [{"name": each, "data_type": "TYPE_STRING"} for each in self.takes]
        card = {"tritone_card": {"string_value": json.dumps(self.card)}} if self.card else {}
        platform = "ensemble" if "_" not in name else ""
        return {"platform": platform, "input": inputs, "parameters": card}

    def _advance(self) -> None:
        if "UNLOADING" in self.states.values():
            self.looks_until_idle -= 1
            if self.looks_until_idle < 0:
                self.states.update(dict.fromkeys(self.unloaded, "UNAVAILABLE"))


@pytest.fixture
def triton() -> Iterator[FakeTriton]:
    fake = FakeTriton({"bell": "READY", "bell_denoiser": "READY", "old": "UNAVAILABLE", "new": ""})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self, sent: bytes = b"{}") -> None:
            status, body = fake.answer(self.path, json.loads(sent))
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET(self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield fake
        server.shutdown()


def keeper(port: int, *arguments: str) -> subprocess.Popen[str]:
    quick = ["--drain-timeout-s", "1", "--sound-period-s", "0.05"]
    command = [*KEEPER, "--http-port", str(port), *quick, *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def running(port: int, program: str) -> subprocess.Popen[str]:
    """Return a keeper whose Triton says `up` once it runs."""
    process = keeper(port, "run", sys.executable, "-uc", f"print('up')\n{program}")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, said


LASTING = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"


def test_a_triton_that_serves_is_alive(triton: FakeTriton) -> None:
    assert end_of(keeper(triton.port, "alive")) == (0, "")


def test_a_model_that_is_ready_by_name_only_is_dead(triton: FakeTriton) -> None:
    triton.dead = {"bell_denoiser", "old"}
    assert end_of(keeper(triton.port, "alive")) == (1, "keeper: dead: bell_denoiser\n")


def test_a_triton_that_does_not_answer_is_not_alive() -> None:
    code, said = end_of(keeper(1, "alive"))
    assert code == 1
    assert said.startswith("keeper: Triton does not answer: ")


def test_sigterm_unloads_the_ensembles_and_waits_for_their_requests(triton: FakeTriton) -> None:
    triton.looks_until_idle = 3
    process = running(triton.port, LASTING)
    process.send_signal(signal.SIGTERM)
    assert end_of(process) == (128 + signal.SIGTERM, "keeper: draining\nkeeper: drained\n")
    assert triton.unloaded == ["bell"]
    assert triton.looks_until_idle < 0


def test_a_drain_that_takes_too_long_is_given_up(triton: FakeTriton) -> None:
    triton.looks_until_idle = 10**6
    process = running(triton.port, LASTING)
    process.send_signal(signal.SIGTERM)
    code, said = end_of(process)
    assert code == 128 + signal.SIGTERM
    assert said.endswith("not drained; ending all the same\n")


def test_a_signal_that_comes_while_triton_is_being_started_ends_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = subprocess.Popen

    def strike(command: list[str], *, start_new_session: bool) -> subprocess.Popen[bytes]:
        child = start(command, start_new_session=start_new_session)
        os.kill(os.getpid(), signal.SIGTERM)  # before anybody knows of the child
        return child

    monkeypatch.setattr(subprocess, "Popen", strike)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it must not end the tests
    try:
        command = [sys.executable, "-c", LASTING]
        code = module.run(command, module.Triton(1), 1.0, lambda _stop: None)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert code == 128 + signal.SIGTERM


def test_a_triton_that_does_not_answer_is_ended_all_the_same() -> None:
    process = running(1, LASTING)
    process.send_signal(signal.SIGINT)
    code, said = end_of(process)
    assert code == 128 + signal.SIGTERM
    assert "cannot drain" in said


def test_a_second_signal_ends_all_at_once(triton: FakeTriton) -> None:
    triton.looks_until_idle = 10**6
    process = running(triton.port, STUBBORN)
    process.send_signal(signal.SIGTERM)
    while not triton.unloaded:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert end_of(process)[0] == 128 + signal.SIGKILL


@pytest.mark.parametrize("code", [0, 3])
def test_a_triton_that_ends_by_itself_ends_the_container(triton: FakeTriton, code: int) -> None:
    process = running(triton.port, f"raise SystemExit({code})")
    assert end_of(process) == (code, "")


def until(port: int, verb: str, status: int) -> str:
    """Return what a probe says once it has a status."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        found, said = end_of(keeper(port, verb))
        if found == status:
            return said
        assert time.monotonic() < deadline, said


def test_it_is_ready_once_a_sound_was_made(triton: FakeTriton) -> None:
    made, triton.sound = triton.sound, None
    process = running(triton.port, LASTING)
    while len(triton.asked) < 5:
        time.sleep(0.01)
    assert "CUDA error 700" in until(triton.port, "ready", 1)
    assert until(triton.port, "alive", 0) == ""  # it never made one: a restart may not help
    triton.sound = made
    assert until(triton.port, "ready", 0) == ""
    process.send_signal(signal.SIGTERM)
    end_of(process)


def test_sounds_that_stop_are_no_life(triton: FakeTriton) -> None:
    process = running(triton.port, LASTING)
    until(triton.port, "ready", 0)
    triton.sound = None
    said = until(triton.port, "alive", 1)
    assert said.startswith("keeper: sounds have stopped: bell (")
    assert "CUDA error 700" in said
    process.send_signal(signal.SIGTERM)
    end_of(process)


def test_the_short_sound_is_asked_for_as_the_ensemble_takes_it(triton: FakeTriton) -> None:
    process = running(triton.port, LASTING)
    until(triton.port, "ready", 0)
    (*names,) = triton.asked[0]
    assert set(names) - {PRIORITY} == {spec.name for spec in INPUTS}
    assert triton.asked[0][PRIORITY] == BACKGROUND
    process.send_signal(signal.SIGTERM)
    end_of(process)


def test_before_a_keeper_has_listened_nothing_is_ready(triton: FakeTriton) -> None:
    assert end_of(keeper(triton.port, "ready")) == (1, "keeper: no sound was made\n")


def test_a_triton_of_voices_only_needs_no_sound(triton: FakeTriton) -> None:
    triton.states = {"heart_network": "READY"}
    assert end_of(keeper(triton.port, "ready")) == (0, "")


def test_a_voice_is_asked_to_speak_what_it_can_read(triton: FakeTriton) -> None:
    triton.takes, triton.card = ("text",), {"engine": "piper", "trial_text": "абвг"}
    process = running(triton.port, LASTING)
    until(triton.port, "ready", 0)
    assert triton.asked[0]["text"] == "абвг"
    process.send_signal(signal.SIGTERM)
    end_of(process)


def test_what_it_cannot_import_says_the_same() -> None:
    assert (module._CARD, module._UPSTREAM) == (CARD_PARAMETER, upstream.ENGINE)
    assert module._SPOKEN_CANARY["text"] == TRIAL_TEXT
