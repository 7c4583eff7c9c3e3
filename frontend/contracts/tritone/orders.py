"""The bodies of `POST /jobs`, one a task, and how a job's request is shown in the same words."""

import operator
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import Request
from pydantic import Field

from frontend.audio.formats import FORMATS
from frontend.contracts.kit.fields import ControlWord, Integer, Prompt, StrictBody, Text
from frontend.contracts.kit.job_submission import JobOrder, resolve_model
from frontend.contracts.kit.openapi import Example
from frontend.contracts.tritone.bodies import SoundRequestView, SpeechRequestView
from frontend.contracts.tritone.envelope import ENVELOPE
from frontend.jobs.model import Job, Wanted
from frontend.sounds.request import GenerationRequest
from frontend.speech.request import SpeechRequest
from tritone.limits import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS, MIN_SEED

MAX_LABELS = 16
MAX_SHOWN_CHARACTERS = 1000
"""Of a text: every view of a job, and every event, has it."""

ControlName = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
FormatWord = Literal["wav", "mp3", "flac", "opus", "aac", "pcm", "ulaw", "alaw"]


class TaskBody(StrictBody):
    """What decides which body it is."""

    task: Literal["sound", "speech"] = "sound"


class _JobBody(StrictBody):
    """What all tasks share."""

    model: Text | None = Field(None, description="A served model; the default one if absent.")
    seed: Integer | None = Field(
        None,
        ge=MIN_SEED,
        le=MAX_SEED,
        description="Repeats the same sound.",
    )
    formats: Annotated[list[FormatWord], Field(min_length=1, max_length=len(FORMATS))] = Field(
        ["wav"], description="One file each."
    )
    webhook_url: Text | None = Field(None, description="Gets a POST when the job is over.")
    labels: Annotated[dict[Text, Text], Field(max_length=MAX_LABELS)] = Field(
        {}, description="Your own words; every view of the job has them."
    )


class SoundJobBody(_JobBody):
    """A sound to be made, and its files."""

    # Not part of what tells a repeated request from another one: older releases had none.
    task: Literal["sound"] = Field("sound", exclude=True)
    prompt: Prompt = Field(description="The sound, in words.")
    negative_prompt: Text | None = Field(None, description="What to avoid.")
    seconds: float | None = Field(None, gt=0, description="Length; the model's own if absent.")
    seconds_start: float = Field(0.0, ge=0, description="Start within the model's window.")
    steps: Integer | None = Field(None, ge=1, le=MAX_STEPS, description="Denoising steps.")
    guidance_scale: float | None = Field(
        None, ge=0, le=MAX_GUIDANCE_SCALE, description="How closely to follow the prompt."
    )
    loop: bool = Field(False, description="Make a sound that repeats without a seam.")
    controls: Annotated[dict[ControlName, ControlWord], Field(max_length=32)] = Field(
        {},
        description="What else is asked for: `lyrics`, `bpm`, … (`GET /cards` lists them).",
        exclude_if=operator.not_,  # see `task`
    )


class SpeechJobBody(_JobBody):
    """A text to be spoken, and its files."""

    task: Literal["speech"]
    text: Prompt = Field(description="As long as the model allows.")
    voice: Text | None = Field(None, description="An installed voice; the default one if absent.")
    language: Text | None = Field(
        None, description="BCP 47 or ISO 639-1; a voice of no other language is taken."
    )
    speed: float = Field(1.0, gt=0, description="2 is twice as fast, at equal pitch.")


SOUND_EXAMPLE: Example = {
    "prompt": "Rain on a tin roof",
    "seconds": 5,
    "formats": ["mp3", "wav"],
}
SPEECH_EXAMPLE: Example = {
    "task": "speech",
    "text": "The rain has stopped.",
    "formats": ["mp3"],
}
BODIES: Mapping[str, tuple[type[SoundJobBody | SpeechJobBody], Example]] = {
    "sound": (SoundJobBody, SOUND_EXAMPLE),
    "speech": (SpeechJobBody, SPEECH_EXAMPLE),
}
"""By task: the body and an example of it."""


def to_order(request: Request, body: SoundJobBody | SpeechJobBody) -> JobOrder:
    """Translate a body into an order.

    Raises:
        UnknownModel: neither served nor an alias.
        BackendUnavailable: the model has never been seen.
    """
    return JobOrder(
        contract=ENVELOPE.name,
        wanted=_want_sound(request, body) if isinstance(body, SoundJobBody) else _want_speech(body),
        formats=tuple(FORMATS[word] for word in dict.fromkeys(body.formats)),
        words={},
        webhook_url=body.webhook_url,
        labels=body.labels,
        notes=body.notes,
    )


def _want_sound(request: Request, body: SoundJobBody) -> Wanted:
    return GenerationRequest(
        prompt=body.prompt,
        model=resolve_model(request, body.model).name,
        negative_prompt=body.negative_prompt,
        seconds=body.seconds,
        seconds_start=body.seconds_start,
        steps=body.steps,
        guidance_scale=body.guidance_scale,
        seed=body.seed,
        loop=body.loop,
        controls=body.controls,
    )


def _want_speech(body: SpeechJobBody) -> Wanted:
    return SpeechRequest(
        text=body.text,
        model=body.model,
        voice=body.voice,
        language=body.language,
        speed=body.speed,
        seed=body.seed,
    )


def view_request(job: Job) -> SoundRequestView | SpeechRequestView:
    """Translate the request of a job, from whichever contract, into the words of the bodies."""
    asked, wanted = job.request, job.request.wanted
    formats = [each.name for each in asked.formats]
    if isinstance(wanted, SpeechRequest):
        return SpeechRequestView(
            task="speech",
            text=wanted.text[:MAX_SHOWN_CHARACTERS],
            characters=job.n_characters,
            model=wanted.model,
            voice=wanted.voice,
            language=wanted.language,
            speed=wanted.speed,
            seed=wanted.seed,
            formats=formats,
            webhook_url=asked.webhook_url,
        )
    return SoundRequestView(
        task="sound",
        prompt=wanted.prompt,
        model=wanted.model,
        negative_prompt=wanted.negative_prompt,
        seconds=wanted.seconds,
        seconds_start=wanted.seconds_start,
        steps=wanted.steps,
        guidance_scale=wanted.guidance_scale,
        seed=wanted.seed,
        loop=wanted.loop,
        controls=dict(wanted.controls),
        formats=formats,
        webhook_url=asked.webhook_url,
    )
