"""One request on its way through the speaker. Knows no Triton."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray

from backends.errors import Code, RequestFailed
from backends.progress import Progress
from backends.speech.engine import Begun, Reading
from backends.speech.script import Passage
from tritone import speech_refusals as refusals
from tritone.card import SpeechCard, Voice
from tritone.pcm import Pcm
from tritone.speech_options import InvalidOptions, SpeechOptions, parse_options
from tritone.speech_tensors import LANGUAGE, OPTIONS, SPEED, TEXT, VOICE
from tritone.tensors import SEED
from tritone.turns import QueuedWork

LISTENER_LEASE_S = 60.0
"""A listener with a window sends a grant, if only of 0 chunks, at least this often."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the answer."""

    pcm: Pcm  # [audio_channels, samples]
    timings: str | None  # JSON, where it was asked for
    progress: Progress  # passages spoken and passages in all


@dataclass(frozen=True, slots=True)
class PartlySpoken:
    """A passage of which the begin may have been sent."""

    passage: Passage
    reading: Reading | None  # None: it holds nothing that can be spoken, but a pause
    begun: Begun | None
    cost_s: float  # what it has cost so far


class Reply(Protocol):
    """Where a request's answers go. No way of answering may raise."""

    wants_timings: bool

    def is_cancelled(self) -> bool:
        """Return whether nobody waits for the answers any more."""

    def send(self, chunk: Chunk, *, is_last: bool) -> None:
        """Answer with a chunk."""

    def finish(self) -> None:
        """End the answers without a further chunk."""

    def fail(self, error: RequestFailed) -> None:
        """End the answers with an error."""


@dataclass(slots=True, kw_only=True, eq=False)
class SpeechJob(QueuedWork):
    """A request that was accepted. The lane that speaks for it owns all but the last part."""

    job_id: str  # empty: cannot be addressed by control requests
    text: str
    voice: Voice
    speed: float
    seed: int
    options: SpeechOptions
    reply: Reply
    passages: list[Passage] | None = None  # None: not yet read
    n_done: int = 0  # passages
    n_sent: int = 0  # chunks
    partly_spoken: PartlySpoken | None = None
    deadline: float = math.inf  # `due_at` is when the listener will have heard what was sent
    first_sent_at: float = math.inf
    told_until: int = 0  # characters of the text that the sent chunks stand for
    seconds: float = 0.0  # of sound that was sent
    has_ended: bool = False
    asked_at: float = field(default=-math.inf)  # when the reply was last asked for its client
    # Control requests change these, under the queue's lock.
    allowed: float = math.inf  # chunks that may be sent
    heard_from_at: float = math.inf  # when it came, or was granted chunks last
    cancel_requested: bool = False

    def is_forgotten(self, now: float) -> bool:
        """Return whether its listener has gone without a word: an ensemble hides its client."""
        return self.allowed < math.inf and now - self.heard_from_at > LISTENER_LEASE_S

    @property
    def progress(self) -> Progress:
        """Passages spoken and passages in all; 0 in all: not yet read."""
        return self.n_done, len(self.passages or ())

    def end(self, error: RequestFailed | None = None) -> None:
        """Answer for the last time, once; without an error the last chunk may have done so."""
        if self.has_ended:
            return
        self.has_ended = True
        if error is None:
            self.reply.finish()
        else:
            self.reply.fail(error)


def make_job(
    card: SpeechCard, tensors: Mapping[str, NDArray[Any]], job_id: str, reply: Reply
) -> SpeechJob:
    """Return a job without deadline for the tensors of one request.

    Raises:
        RequestFailed: the text is missing or too long, or something else lies out of its bounds.
    """
    text = _text(tensors, TEXT)
    if not text.strip():
        raise _invalid(refusals.NO_TEXT)
    if len(text) > card.max_characters:
        raise _invalid(refusals.TEXT_TOO_LONG.format(limit=card.max_characters, length=len(text)))
    speed = _number(tensors, SPEED, 1.0)
    if not card.min_speed <= speed <= card.max_speed:
        raise _invalid(
            refusals.SPEED_OUT_OF_RANGE.format(low=card.min_speed, high=card.max_speed, speed=speed)
        )
    try:
        options = parse_options(_text(tensors, OPTIONS))
    except InvalidOptions as error:
        raise _invalid(str(error)) from error
    return SpeechJob(
        job_id=job_id,
        text=text,
        voice=_voice(card, _text(tensors, VOICE), _text(tensors, LANGUAGE)),
        speed=speed,
        seed=int(_number(tensors, SEED, 0)),
        options=options,
        reply=reply,
    )


def _voice(card: SpeechCard, voice_id: str, language: str) -> Voice:
    voice = card.voice(voice_id or card.default_voice)
    if voice is None:
        known = ", ".join(each.id for each in card.voices)
        raise RequestFailed(
            refusals.UNKNOWN_VOICE.format(voice=voice_id, known=known), Code.NOT_FOUND
        )
    if language and _primary(language) != _primary(voice.language):
        raise _invalid(
            refusals.UNKNOWN_LANGUAGE.format(
                voice=voice.id, speaks=voice.language, language=language
            )
        )
    return voice


def _primary(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()


def _text(tensors: Mapping[str, NDArray[Any]], name: str) -> str:
    value = _scalar(tensors, name, b"")
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise _invalid(f"{name} is not UTF-8") from error


def _number(tensors: Mapping[str, NDArray[Any]], name: str, default: float) -> float:
    value = _scalar(tensors, name, default)
    if not isinstance(value, int | float):
        raise _invalid(f"{name} must be a number")
    return value


def _scalar(tensors: Mapping[str, NDArray[Any]], name: str, default: object) -> object:
    if name not in tensors:
        return default
    if tensors[name].size != 1:
        # Several texts are several requests: each has its own answers and its own end.
        raise _invalid(f"{name} must have one value, not {tensors[name].size}")
    value: object = tensors[name].item()
    return value


def _invalid(message: str) -> RequestFailed:
    return RequestFailed(message, Code.INVALID_ARG)
