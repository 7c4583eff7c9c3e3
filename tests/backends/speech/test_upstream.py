"""Another server speaks: a real one, in a process that is killed."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from backends.errors import Code, RequestFailed
from backends.speech.engine import NoiseKey, Parts
from backends.speech.engines import open_engine
from backends.speech.script import Piece
from backends.speech.upstream import UpstreamSpeech
from ops.voices import upstream
from ops.voices.publishing import Publication
from ops.voices.upstream import UpstreamFailed, make_publication
from tests.speech_server import RATE, Server, describe
from tritone.card import Voice
from tritone.upstream import FILE


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.kill()


@pytest.fixture
def doomed() -> Iterator[Server]:
    """A server that the test kills."""
    made = Server()
    yield made
    made.kill()


def publish(server: Server, **fields: str) -> Publication:
    return make_publication("up", describe(server, "high", "low", **fields), "en-US", "MIT")


def open_upstream(publication: Publication, folder: Path) -> UpstreamSpeech:
    def no_network(_: object) -> dict[str, object]:
        raise AssertionError

    (folder / FILE).write_bytes(publication.files[FILE])
    made = open_engine(Parts(publication.card, no_network, folder))  # type: ignore[arg-type]
    assert isinstance(made, UpstreamSpeech)
    return made


def say(engine: UpstreamSpeech, text: str, voice: Voice, speed: float = 1.0) -> np.ndarray:  # type: ignore[type-arg]
    reading = engine.read([Piece(0, len(text), text)], voice, normalizes=True)
    assert reading is not None
    sound = engine.speak(reading, voice, speed, NoiseKey(0, 0))
    assert len(sound.edges_s) == len(reading.ids) + 1
    assert sound.edges_s[-1] == pytest.approx(len(sound.waveform) / RATE)
    return sound.waveform


def test_a_server_becomes_a_model_and_speaks(server: Server, tmp_path: Path) -> None:
    publication = publish(server)
    card = publication.card
    assert (card.sample_rate, [voice.id for voice in card.voices]) == (RATE, ["up-high", "up-low"])
    engine = open_upstream(publication, tmp_path)
    high, low = (say(engine, "Good morning.", voice) for voice in card.voices)
    assert len(high) == len(low) == round(13 * 0.05 * RATE)
    crossings = [np.count_nonzero(np.diff(np.sign(each))) for each in (high, low)]
    assert crossings[0] == pytest.approx(8 * crossings[1], rel=0.1)
    assert len(say(engine, "Good morning.", card.voices[0], speed=2.0)) == len(high) // 2


def test_the_words_know_where_they_come_from(server: Server, tmp_path: Path) -> None:
    engine = open_upstream(publish(server), tmp_path)
    text = "Hello there. "
    pieces = [Piece(4, 4 + len(text), text), Piece(20, 23, "sequel")]
    reading = engine.read(pieces, Voice(**asdict(publish(server).card.voices[0])), normalizes=True)
    assert reading is not None
    assert reading.text == "Hello there. sequel"
    assert [reading.text[token.begin : token.end] for token in reading.tokens] == [
        "Hello", "there.", "sequel",
    ]  # fmt: skip
    assert reading.origins[:5] == (4, 5, 6, 7, 8)
    assert set(reading.origins[-6:]) == {20}


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("broken", Code.INVALID_ARG, "refuses with 400: .*no such voice"),
        ("busy", Code.UNAVAILABLE, "refuses with 503: later"),
        ("page", Code.INTERNAL, "not a WAV file"),
        ("secret", Code.INTERNAL, "refuses with 401"),
    ],
)
def test_what_the_server_refuses_is_passed_on(
    server: Server, tmp_path: Path, text: str, code: Code, said: str
) -> None:
    publication = publish(server)
    engine = open_upstream(publication, tmp_path)
    with pytest.raises(RequestFailed, match=said) as failed:
        say(engine, text, publication.card.voices[0])
    assert failed.value.code == code


def test_its_key_comes_from_the_environment(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_IT", "key")
    publication = publish(server, key_variable="KEY_OF_IT")
    assert b'"key"' not in publication.files[FILE]
    say(open_upstream(publication, tmp_path), "secret", publication.card.voices[0])


def test_a_server_that_is_killed_in_the_middle_is_a_clear_end(
    doomed: Server, tmp_path: Path
) -> None:
    publication = publish(doomed)
    engine = open_upstream(publication, tmp_path)
    threading.Timer(0.5, doomed.kill).start()
    begin = time.monotonic()
    with pytest.raises(RequestFailed, match="ended in the middle of an answer") as failed:
        say(engine, "halt", publication.card.voices[0])
    assert failed.value.code == Code.UNAVAILABLE
    assert time.monotonic() - begin < 10
    with pytest.raises(RequestFailed, match="does not answer") as failed:
        say(engine, "Hello", publication.card.voices[0])
    assert failed.value.code == Code.UNAVAILABLE


def test_a_server_of_another_rate_says_to_add_it_again(server: Server, tmp_path: Path) -> None:
    from dataclasses import replace

    publication = publish(server)
    changed = replace(publication, card=replace(publication.card, sample_rate=24_000))
    with pytest.raises(RequestFailed, match="22050 Hz now, not at 24000"):
        say(open_upstream(changed, tmp_path), "Hello", publication.card.voices[0])


@pytest.mark.parametrize(
    ("voice", "said"),
    [("nobody", "refuses with 400"), ("silent", "is silent with the voice silent")],
)
def test_a_server_that_does_not_speak_is_not_published(
    server: Server, voice: str, said: str
) -> None:
    with pytest.raises(UpstreamFailed, match=said):
        make_publication("up", describe(server, voice), "en-US", "MIT")


def test_a_server_that_is_away_is_not_published(doomed: Server) -> None:
    doomed.kill()
    with pytest.raises(UpstreamFailed, match="does not answer"):
        make_publication("up", describe(doomed, "high"), "en-US", "MIT")


@pytest.mark.parametrize("url", ["", "host:8880", "ftp://host", "http://", "http://a:b@host"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UpstreamFailed, match="is no address of a server"):
        upstream.check_address(url)


def test_an_address_may_end_as_clients_write_it() -> None:
    assert upstream.check_address("http://host:8880/v1/") == "http://host:8880"


def test_the_file_names_everything(server: Server) -> None:
    fields = json.loads(publish(server).files[FILE])
    assert fields == {
        "url": server.url,
        "model": "tts-1",
        "voices": {"up-high": "high", "up-low": "low"},
        "key_variable": "",
        "timeout_s": 60.0,
    }
