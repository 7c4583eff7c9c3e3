"""Turns, bounds, cancelling and time, with an engine that costs nothing."""

import math
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from backends.errors import Code, RequestFailed
from backends.progress import UNKNOWN_JOB
from backends.speech.engine import NoiseKey, Reading, Sound, Token
from backends.speech.job import LISTENER_LEASE_S
from backends.speech.script import Piece
from tests.backends.speech.speaking import Counts, Spoken, make_speaker, request
from tritone.card import Voice
from tritone.turns import BACKGROUND

LONG = "One is here. " * 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Tone:
    """Every passage is 0.1 s of sound, and takes as long as the test says."""

    def __init__(self, clock: Clock | None = None, cost_s: float = 0.0) -> None:
        self.spoken: list[str] = []
        self._clock = clock
        self._cost_s = cost_s

    def read(self, pieces: Sequence[Piece], voice: Voice, *, normalizes: bool) -> Reading | None:
        text = "".join(piece.text for piece in pieces).strip()
        if text == "?":
            return None
        if text.startswith("broken"):
            raise ZeroDivisionError("a bug")
        self.spoken.append(text)
        token = Token(0, len(text), 1, 2)
        return Reading(np.array([0, 1, 0]), text, tuple(range(len(text))), (token,))

    def speak(self, reading: Reading, voice: Voice, speed: float, noise: NoiseKey) -> Sound:
        if self._clock is not None:
            self._clock.now += self._cost_s
        return Sound(np.full(2400, 0.1, np.float32), np.array([0.0, 0.0, 0.1, 0.1]))


def test_the_load_is_what_it_has_and_what_it_takes() -> None:
    speaker, queue = make_speaker(Tone())
    _, most = queue.load
    for _ in range(3):
        queue.submit(request("Short.", Spoken()), None)
    assert queue.load == (3, most)
    queue.stop()
    speaker.run()
    assert queue.load == (0, most)


def test_a_short_text_is_not_kept_by_a_long_one() -> None:
    engine = Tone()
    speaker, queue = make_speaker(engine)
    long, short = Spoken(), Spoken()
    queue.submit(request(LONG, long), None)
    queue.submit(request("Short.", short), None)
    queue.stop()
    speaker.run()
    assert engine.spoken.index("Short.") <= 2
    assert len(long.chunks) == 20


def test_the_listener_whose_sound_runs_out_first_comes_first() -> None:
    clock = Clock()
    engine = Tone(clock, cost_s=0.01)
    speaker, queue = make_speaker(engine, clock=clock)
    replies = [Spoken() for _ in range(3)]
    for letter, reply in zip("ABC", replies, strict=True):
        queue.submit(request(f"{letter} is here. " * 4, reply), None)
    queue.stop()
    speaker.run()
    assert "".join(text[0] for text in engine.spoken) == "ABC" * 4


def test_shares_take_turns_however_many_texts_they_have() -> None:
    clock = Clock()
    engine = Tone(clock, cost_s=1.0)
    speaker, queue = make_speaker(engine, clock=clock)
    for _ in range(3):
        job = request("Many are here. " * 4, Spoken())
        job.owner = "many"
        queue.submit(job, None)
    few = request("Few are here. " * 4, Spoken())
    few.owner = "few"
    queue.submit(few, None)
    queue.stop()
    speaker.run()
    assert engine.spoken[:8].count("Few are here.") >= 3


def test_background_waits_for_the_interactive() -> None:
    engine = Tone()
    speaker, queue = make_speaker(engine)
    job = request("Later is here. " * 2, Spoken())
    job.priority = BACKGROUND
    queue.submit(job, None)
    queue.submit(request("Now is here. " * 2, Spoken()), None)
    queue.stop()
    speaker.run()
    assert engine.spoken == ["Now is here."] * 2 + ["Later is here."] * 2


def test_a_full_queue_refuses() -> None:
    _, queue = make_speaker(Tone(), max_jobs=1)
    queue.submit(request("One.", Spoken()), None)
    with pytest.raises(RequestFailed, match="speech queue is full") as refused:
        queue.submit(request("Two.", Spoken()), None)
    assert refused.value.code == Code.UNAVAILABLE


def test_a_cancel_stops_before_the_next_passage() -> None:
    counts = Counts()
    speaker, queue = make_speaker(Tone(), counts)
    reply = Spoken(on_chunk=lambda: queue.cancel("j") and None)
    queue.submit(request(LONG, reply, "j"), None)
    queue.stop()
    speaker.run()
    assert len(reply.chunks) == 1
    assert str(reply.error) == "cancelled at sentence 1/20"
    assert counts.n_cancelled == 1
    assert queue.progress("j") == (1, 20)


def test_a_client_that_goes_stops_it_too() -> None:
    clock = Clock()
    speaker, queue = make_speaker(Tone(clock, cost_s=1.0), clock=clock)
    reply = Spoken()
    reply.on_chunk = lambda: setattr(reply, "is_gone", True)
    queue.submit(request(LONG, reply), None)
    queue.stop()
    speaker.run()
    assert len(reply.chunks) == 1
    assert reply.error is not None
    assert reply.error.code == Code.CANCELLED


def test_a_cancel_that_overtakes_its_job_is_kept_for_it() -> None:
    _, queue = make_speaker(Tone())
    assert queue.cancel("early") == UNKNOWN_JOB
    with pytest.raises(RequestFailed) as refused:
        queue.submit(request("Hello.", Spoken(), "early"), None)
    assert refused.value.code == Code.CANCELLED


def test_a_deadline_ends_a_long_text() -> None:
    clock = Clock()
    speaker, queue = make_speaker(Tone(clock, cost_s=1.0), clock=clock)
    reply = Spoken()
    queue.submit(request(LONG, reply), 2.5)
    queue.stop()
    speaker.run()
    assert len(reply.chunks) == 3
    assert str(reply.error) == "deadline exceeded at sentence 3/20"


def test_a_window_bounds_how_far_the_speaker_gets_ahead() -> None:
    speaker, queue = make_speaker(Tone())
    sent = threading.Semaphore(0)
    reply = Spoken(on_chunk=sent.release)
    job = request(LONG, reply, "j")
    job.allowed = 2
    lane = threading.Thread(target=speaker.run)
    lane.start()
    queue.submit(job, None)
    assert sent.acquire(timeout=5)
    assert sent.acquire(timeout=5)
    assert not sent.acquire(timeout=0.6)  # more than two looks
    assert queue.grant("j", 3) == (2, 20)
    for _ in range(3):
        assert sent.acquire(timeout=5)
    assert not sent.acquire(timeout=0.3)
    reply.is_gone = True  # noticed although nothing may be sent
    queue.stop()
    lane.join(5)
    assert not lane.is_alive()
    assert reply.error is not None
    assert reply.error.code == Code.CANCELLED


def test_a_bug_costs_one_job_and_never_the_lane() -> None:
    counts = Counts()
    speaker, queue = make_speaker(Tone(), counts)
    bad, good = Spoken(), Spoken()
    queue.submit(request("broken.", bad), None)
    queue.submit(request("Good.", good), None)
    queue.stop()
    speaker.run()
    assert bad.error is not None
    assert bad.error.code == Code.INTERNAL
    assert len(good.chunks) == 1
    assert counts.n_failed == 1


def test_a_silent_end_ends_the_answers() -> None:
    speaker, queue = make_speaker(Tone())
    reply = Spoken()
    queue.submit(request("Good.", reply), None)
    queue.stop()
    speaker.run()
    assert reply.n_ends == 1


@pytest.mark.parametrize(
    ("tensors", "message", "code"),
    [
        ({"text": " "}, "text is missing", Code.INVALID_ARG),
        ({"text": "a" * 100_001}, "at most 100000 characters, not 100001", Code.INVALID_ARG),
        ({"speed": 5.0}, "speed must be within 0.25 and 4, not 5", Code.INVALID_ARG),
        ({"speed": float("nan")}, "speed must be within", Code.INVALID_ARG),
        ({"voice": "bob"}, "unknown voice 'bob'; known: heart", Code.NOT_FOUND),
        ({"language": "it"}, "voice 'heart' speaks en-US, not it", Code.INVALID_ARG),
        ({"options": "{"}, "options are not JSON", Code.INVALID_ARG),
        ({"options": "[]"}, "options must be a JSON object", Code.INVALID_ARG),
        ({"options": '{"a": 1}'}, "unknown options: a", Code.INVALID_ARG),
        ({"options": '{"pronunciations": [{"text": "a"}]}'}, "either ipa or", Code.INVALID_ARG),
    ],
)
def test_what_is_refused(tensors: dict[str, object], message: str, code: Code) -> None:
    with pytest.raises(RequestFailed, match=message) as refused:
        request(str(tensors.pop("text", "Hello.")), Spoken(), **tensors)
    assert refused.value.code == code


@pytest.mark.parametrize("language", ["en", "EN-gb", "en_US", ""])
def test_a_region_does_not_matter(language: str) -> None:
    assert request("Hello.", Spoken(), language=language).voice.id == "heart"


def test_a_listener_with_a_window_who_gives_no_sign_is_taken_for_gone() -> None:
    clock = Clock()
    counts, heard, forgotten, free = Counts(), Spoken(), Spoken(), Spoken()
    speaker, queue = make_speaker(Tone(), counts, clock=clock)
    for job_id, reply in (("heard", heard), ("forgotten", forgotten), ("free", free)):
        job = request("One is here. Two are there.", reply, job_id)
        job.allowed = math.inf if job_id == "free" else 1
        queue.submit(job, None)
    for _ in range(3):
        clock.now += 0.7 * LISTENER_LEASE_S
        queue.grant("heard", 0)
    queue.grant("heard", 1)
    queue.stop()
    speaker.run()
    assert counts.n_cancelled == 1
    assert forgotten.error is not None
    assert forgotten.error.code is Code.CANCELLED
    assert [len(each.chunks) for each in (heard, free)] == [2, 2]
