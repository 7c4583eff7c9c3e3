"""Versions of a voice come and go while it speaks: no answer is cut, and each has one voice."""

import hashlib
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import onnx
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from ops.cli import app
from ops.voices.added import DEFAULT_FOLDER, AddedVoices
from ops.voices.publishing import default_voice
from tests.acceptance.stack import Stack
from tests.acceptance.versions import PATIENCE_S, PAUSE_S, until

pytestmark = [pytest.mark.triton, pytest.mark.export]

MODEL = "hibari"
TEXT = "The lamp in the window was the only light on the street, and it moved. " * 2
LONG = TEXT * 30  # more than a window and the buffers of the connection hold
SECOND_BYTES = 48_000


@dataclass
class Heard:
    """What the listeners of short texts got."""

    answers: Counter[str] = field(default_factory=Counter)  # by version
    sounds: dict[str, set[str]] = field(default_factory=dict)  # hashes, by version
    failures: list[str] = field(default_factory=list)


STREAM = "/v1/text-to-speech/heart/stream?output_format=pcm_24000"


def _body(text: str) -> dict[str, object]:
    return {"text": text, "seed": 1}


@contextmanager
def listeners(address: str, n_clients: int = 2) -> Iterator[Heard]:
    """Let clients listen to streams, one after the other, until the end."""
    heard, stop = Heard(), threading.Event()

    def listen() -> None:
        with httpx2.Client(base_url=f"http://{address}", timeout=PATIENCE_S) as http:
            while not stop.is_set():
                try:
                    with http.stream("POST", STREAM, json=_body(TEXT)) as answer:
                        digest = hashlib.sha256(answer.read()).hexdigest()
                        version = answer.headers["x-tritone-model-version"]
                except (httpx2.HTTPError, KeyError) as error:
                    heard.failures.append(repr(error))
                else:
                    heard.answers[version] += 1
                    heard.sounds.setdefault(version, set()).add(digest)
                stop.wait(PAUSE_S)

    threads = [threading.Thread(target=listen) for _ in range(n_clients)]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def until_only(heard: Heard, version: str) -> None:
    """Return when only one version answers, whoever asks."""

    def is_alone() -> bool:
        before = heard.answers.copy()
        until(lambda: (heard.answers - before).total() >= 3)
        return set(heard.answers - before) == {version}

    until(is_alone)


@dataclass
class SlowListener:
    """Somebody who has heard the first second of a long text."""

    pieces: Iterator[bytes]
    pcm: bytes = b""

    def read(self) -> None:
        """Hear it to the end."""
        self.pcm += b"".join(self.pieces)


@contextmanager
def slow_listener(address: str) -> Iterator[SlowListener]:
    """Begin to listen before the body, and hear the rest after it."""
    few_bytes = [(socket.SOL_SOCKET, socket.SO_RCVBUF, SECOND_BYTES)]
    with (
        httpx2.Client(
            base_url=f"http://{address}",
            timeout=PATIENCE_S,
            transport=httpx2.HTTPTransport(socket_options=few_bytes),
        ) as http,
        http.stream("POST", STREAM, json=_body(LONG)) as answer,
    ):
        pieces = answer.iter_raw(SECOND_BYTES)
        listener = SlowListener(pieces, next(pieces))
        yield listener
        listener.read()


@dataclass(frozen=True)
class Operations:
    """`tritone models` beside the running stack."""

    state: Path

    def do(self, verb: str, *arguments: str) -> dict[int, str]:
        """Carry out a command; return the states of the versions after it."""
        variables = {"TRITONE_STATE_DIRECTORY": str(self.state), "TRITONE_TRITON__REFRESH_S": "2"}
        command = ["models", verb, MODEL, *arguments, "--json"]
        ended = CliRunner().invoke(app, command, env=variables, catch_exceptions=False)
        assert ended.exit_code == 0, ended.stderr
        rows = json.loads(ended.stdout)["versions"]
        return {row["version"]: row["state"] for row in rows}

    def remove(self, version: int) -> None:
        """Delete a version."""
        command = ["models", "rm", MODEL, str(version), "--yes"]
        variables = {"TRITONE_STATE_DIRECTORY": str(self.state)}
        ended = CliRunner().invoke(app, command, env=variables, catch_exceptions=False)
        assert ended.exit_code == 0, ended.stderr


@pytest.fixture
def operations(served: Stack) -> Iterator[Operations]:
    """Another version of the default voice: a little quieter."""
    state = served.log_file.parent / "run"
    until(lambda: not httpx2.get(f"http://{served.address}/readyz?verbose").json()["away"])
    (folder,) = (state / DEFAULT_FOLDER).glob("[!.]*")
    made = default_voice()
    assert made is not None
    assert made.network is not None
    network = onnx.load_from_string(made.network)
    (bias,) = (each for each in network.graph.initializer if each.name == "m.head.bias")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) - 0.01, bias.name))
    version = AddedVoices(folder).publish(replace(made, network=network.SerializeToString()))
    operations = Operations(state)
    yield operations
    operations.remove(version)


@pytest.mark.drill
@pytest.mark.parametrize("is_long", [False, True])
def test_versions_of_a_voice_are_promoted_under_streaming(
    served: Stack, operations: Operations, *, is_long: bool
) -> None:
    with slow_listener(served.address) as alone:
        pass
    with (
        listeners(served.address, 4 if is_long else 1) as heard,
        slow_listener(served.address) as slow,
    ):
        until(lambda: heard.answers["1"] > 1)
        if is_long:
            assert operations.do("canary", "2", "--share", "0.5") == {1: "serving", 2: "canary"}
            until(lambda: heard.answers["2"] > 0)
        assert operations.do("promote", "2") == {1: "previous", 2: "serving"}
        until_only(heard, "2")
        with ThreadPoolExecutor() as pool:
            unloading = pool.submit(operations.do, "unload", "1")
            until_only(heard, "2")
            assert not unloading.done()  # somebody listens to it
            slow.read()
            assert unloading.result() == {1: "published", 2: "serving"}
        assert operations.do("promote", "1") == {1: "serving", 2: "previous"}
        until_only(heard, "1")
        for _ in range(10 if is_long else 1):
            assert operations.do("rollback") == {1: "previous", 2: "serving"}
            assert operations.do("rollback") == {1: "serving", 2: "previous"}
    assert slow.pcm == alone.pcm  # begun before the canary, heard after the promotion
    assert heard.failures == []
    (first,), (second,) = heard.sounds["1"], heard.sounds["2"]
    assert first != second
