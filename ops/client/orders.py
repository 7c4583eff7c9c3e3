"""What is asked for, in the words of the two ways to ask: a job, and an answer that is waited for.

A job shows its steps. Where a server has no database for jobs, the answer is waited for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One file to be made."""

    words: str  # the prompt, or the text
    audio_format: str
    job: Mapping[str, object]  # body of `POST /jobs`
    path: str  # of the answer that is waited for
    body: Mapping[str, object]
    output: Path | None = None  # None: named after the words
    is_one_of_many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundOptions:
    """How a sound shall be. None: as the model does it."""

    model: str | None = None
    seconds: float | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """How a text shall be spoken. None: as the model does it."""

    model: str | None = None
    voice: str | None = None
    speed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where it goes, and in which format."""

    audio_format: str
    output: Path | None
    is_one_of_many: bool = False


def order_sound(prompt: str, options: SoundOptions, target: Target) -> Order:
    """Return a sound to be made."""
    job = {
        "prompt": prompt,
        "model": options.model,
        "seconds": options.seconds,
        "steps": options.steps,
        "guidance_scale": options.guidance_scale,
        "negative_prompt": options.negative_prompt,
        "seed": options.seed,
        "formats": [target.audio_format],
    }
    body = {
        "input": prompt,
        "model": options.model,
        "audio_length": options.seconds,
        "num_inference_steps": options.steps,
        "guidance_scale": options.guidance_scale,
        "negative_prompt": options.negative_prompt,
        "seed": options.seed,
        "response_format": target.audio_format,
    }
    return _order(prompt, target, job, "/vllm-omni/v1/audio/generate", body)


def order_speech(text: str, options: SpeechOptions, target: Target) -> Order:
    """Return a text to be spoken."""
    shared = {"model": options.model, "voice": options.voice, "speed": options.speed}
    job = {"task": "speech", "text": text, "formats": [target.audio_format], **shared}
    body = {"input": text, "response_format": target.audio_format, **shared}
    return _order(text, target, job, SPEECH_PATH, body)


SPEECH_PATH = "/localai/v1/audio/speech"
"""Of speech that is waited for, or heard while it is made."""


def order_stream(text: str, options: SpeechOptions) -> Mapping[str, object]:
    """Return the body of speech that is heard while it is made, as WAV."""
    target = Target(audio_format="wav", output=None)
    return {**order_speech(text, options, target).body, "stream": True}


def _order(
    words: str, target: Target, job: Mapping[str, object], path: str, body: Mapping[str, object]
) -> Order:
    return Order(
        words=words,
        audio_format=target.audio_format,
        job=_said(job),
        path=path,
        body=_said(body),
        output=target.output,
        is_one_of_many=target.is_one_of_many,
    )


def _said(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
