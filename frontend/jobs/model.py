"""A job: what was asked, where it is, what came of it. Immutable snapshots of rows.

    queued ──► running ──► completed
      │  ▲        │ ├────► error
      │  └────────┘ └────► cancelled
      └► cancelled, error

`running` goes back to `queued` when its worker died or stopped, or when Triton was away.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from frontend.audio.formats import FORMATS, AudioFormat
from frontend.sounds.request import GenerationRequest
from frontend.speech.request import SpeechRequest
from tritone.speech_options import Pronunciation

Wanted = GenerationRequest | SpeechRequest


class JobStatus(StrEnum):
    """Where a job is. Contracts have their own words for these."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """It will not change any more."""
        return not TRANSITIONS[self]


TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.ERROR}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.ERROR, JobStatus.CANCELLED}
    ),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.ERROR: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}
"""Every way a job can go. `queued` to `error`: the attempts are used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """A row of `FORMATS` with a contract's choices. None: as the sound is, or the codec's own."""

    name: str
    sample_rate: int | None = None  # Hz
    bit_rate: int | None = None  # bit/s
    channels: int | None = None

    @property
    def audio_format(self) -> AudioFormat:
        """What the encoder takes."""
        row = FORMATS[self.name]
        return replace(
            row,
            sample_rate=self.sample_rate or row.sample_rate,
            bit_rate=self.bit_rate or row.bit_rate,
            channels=self.channels or row.channels,
        )

    @classmethod
    def of(cls, audio_format: AudioFormat) -> Self:
        """Return the words for a format of a contract."""
        return cls(
            name=audio_format.name,
            sample_rate=audio_format.sample_rate,
            bit_rate=audio_format.bit_rate,
            channels=audio_format.channels,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What a contract asks for. Its own words travel in `labels`."""

    wanted: Wanted
    contract: str  # decides the body of the webhook
    formats: tuple[OutputFormat, ...]  # one file each
    owner: str = ""  # the API key's id; empty where there are no keys
    webhook_url: str | None = None
    base_url: str | None = None  # where its client reached us, for links in webhooks
    idempotency_key: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)  # jobs can be listed by them
    notes: tuple[str, ...] = ()  # what the contract does otherwise than asked

    @property
    def task(self) -> Literal["sound", "speech"]:
        """What is to be made; in rows the key of `wanted`."""
        return "speech" if isinstance(self.wanted, SpeechRequest) else "sound"

    @property
    def text(self) -> str:
        """The prompt, or what is to be spoken."""
        return self.wanted.text if isinstance(self.wanted, SpeechRequest) else self.wanted.prompt

    def to_json(self) -> str:
        """Return the request as JSON with sorted keys, without lone surrogates."""
        found = asdict(self)
        found[self.task] = found.pop("wanted")
        return json.dumps(found, sort_keys=True)

    @property
    def digest(self) -> bytes:
        """Of everything asked; equal for a repeated request."""
        return hashlib.sha256(replace(self, base_url=None).to_json().encode()).digest()

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Return the request of a row; fields that this release does not know are left out."""
        known = _keep_known(cls, found)
        known["wanted"] = _read_wanted(found)
        known["formats"] = tuple(
            OutputFormat(**_keep_known(OutputFormat, each)) for each in found["formats"]
        )
        known["notes"] = tuple(found.get("notes", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """One file of a completed job."""

    key: str  # its name in the file store
    format: str  # a row of `FORMATS`
    media_type: str
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a completed job made, and the choices that were made for it."""

    files: tuple[JobFile, ...]  # in the order of the request's formats
    seconds: float
    sample_rate: int  # Hz
    model: str
    model_version: str
    seed: int
    steps: int | None = None  # of sounds
    guidance_scale: float | None = None
    voice: str | None = None  # of speech
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the result as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Return the result of a row."""
        known = _keep_known(cls, found)
        known["files"] = tuple(JobFile(**_keep_known(JobFile, each)) for each in found["files"])
        known["notes"] = tuple(found.get("notes", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a job ended in error, in words for the caller."""

    name: str  # the domain error's class
    message: str

    def to_json(self) -> str:
        """Return the failure as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as it was a moment ago."""

    id: str
    seq: int
    request: JobRequest
    status: JobStatus
    attempt: int  # how often it was begun
    strikes: int  # how often that went wrong
    cancel_requested: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None  # of the last attempt
    finished_at: datetime | None
    steps_done: int | None  # None: not known (yet)
    steps: int | None
    position: int | None = None  # jobs before it in the queue; None: not queued, or not asked for
    result: JobResult | None = None  # of a completed job
    failure: JobFailure | None = None  # of a job in error
    traceparent: str | None = None  # W3C trace context that it was submitted in
    listed_characters: int | None = None  # of a text of which a list has the beginning only

    @property
    def n_characters(self) -> int:
        """Length of the whole prompt or text."""
        return self.listed_characters or len(self.request.text)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done otherwise than asked, as far as it is known."""
        return self.result.notes if self.result is not None else self.request.notes

    @property
    def is_over(self) -> bool:
        """It will not change any more."""
        return self.status.is_terminal


def _read_wanted(found: Mapping[str, Any]) -> Wanted:
    if "speech" not in found:
        return GenerationRequest(**_keep_known(GenerationRequest, found["sound"]))
    speech = _keep_known(SpeechRequest, found["speech"])
    speech["pronunciations"] = tuple(
        Pronunciation(**_keep_known(Pronunciation, each)) for each in speech["pronunciations"]
    )
    return SpeechRequest(**speech)


def _keep_known(kind: type, found: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in found.items() if name in names}
