"""The card of a checkpoint: what its networks say, and what the person exporting chose."""

import math
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from export.errors import InvalidOption
from tritone.card import ModelCard, ScheduleSettings
from tritone.families.family import Family
from tritone.limits import MAX_GUIDANCE_SCALE, MAX_STEPS
from tritone.noise import COUNTER, NoiseKind

DEFAULT_SECONDS = 10.0
DEFAULT_BUCKET_FRAMES = 32

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a loaded pipeline says about itself. Sizes are per sample."""

    sample_rate: int  # Hz
    audio_channels: int
    samples_per_frame: int
    latent_channels: int
    max_frames: int
    prompt_tokens: int
    conditioning_tokens: int
    conditioning_dim: int
    global_dim: int
    schedule: ScheduleSettings
    steps: int  # the checkpoint's usual number
    guidance_scale: float  # the checkpoint's usual scale; 1: guidance is baked in
    is_variable_length: bool  # trained on sounds of any length
    lyric_tokens: int = 0
    frame_multiple: int = 1  # latent frames come in such groups
    may_be_guided: bool = True
    audio_codes: int = 0
    frames_per_code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What may be chosen; None: as the checkpoint has it."""

    steps: int | None = None
    guidance_scale: float | None = None
    seconds: float | None = None
    eta: float | None = None
    guidance: bool | None = None
    guidance_min_sigma: float | None = None
    guidance_max_sigma: float | None = None
    variable_length: bool | None = None
    frame_bucket: int | None = None
    extendable: bool | None = None
    prompts: tuple[str, ...] | None = None  # only in the file: what the model makes well

    @classmethod
    def from_defaults(cls, defaults: dict[str, Any]) -> Self:
        """Return the choices of a checkpoint's `generation_defaults.json`.

        Raises:
            InvalidOption: an unknown key, or a value of the wrong type.
        """
        known = {field.name for field in fields(cls)}
        prompts = defaults.get("prompts", [])
        if not isinstance(prompts, list) or not all(isinstance(each, str) for each in prompts):
            raise InvalidOption("generation_defaults.json: prompts must be a list of texts")
        for key, value in defaults.items():
            if key not in known:
                raise InvalidOption(
                    f"generation_defaults.json says {key!r}; known are {', '.join(sorted(known))}"
                )
            if key != "prompts" and not isinstance(value, int | float):
                raise InvalidOption(
                    f"generation_defaults.json: {key} must be a number or true/false"
                )
        return cls(**{**defaults, "prompts": tuple(prompts) or None})

    def over(self, defaults: Self) -> Self:
        """Return these choices, completed by `defaults` where nothing was chosen."""
        # What was chosen also wins over a default that it contradicts.
        if self.variable_length is False:
            defaults = replace(defaults, frame_bucket=None)
        if self.guidance is False:
            defaults = replace(defaults, guidance_scale=None)
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(defaults, **{k: value for k, value in chosen.items() if value is not None})


def make_card(
    name: str, family: Family, facts: Facts, choices: Choices, noise: NoiseKind = COUNTER
) -> ModelCard:
    """Return the card of a checkpoint.

    Raises:
        InvalidOption: a choice is out of range or contradicts another.
    """
    check_name(name)
    scale = _in_range(
        "guidance scale", choices.guidance_scale, facts.guidance_scale, (0.0, MAX_GUIDANCE_SCALE)
    )
    guidance = scale > 1.0 if choices.guidance is None else choices.guidance
    if not guidance and (choices.guidance_scale or 0.0) > 1.0:
        raise InvalidOption(f"--no-guidance and a guidance scale of {scale:g} are a contradiction")
    if guidance and not facts.may_be_guided:
        raise InvalidOption("the checkpoint's guidance is baked in: there is no other one for it")
    window = facts.max_frames * facts.samples_per_frame / facts.sample_rate
    return ModelCard(
        name=name,
        family=family.name,
        sample_rate=facts.sample_rate,
        audio_channels=facts.audio_channels,
        samples_per_frame=facts.samples_per_frame,
        latent_channels=facts.latent_channels,
        max_frames=facts.max_frames,
        frame_bucket=_frame_bucket(facts, choices),
        prompt_tokens=facts.prompt_tokens,
        conditioning_tokens=facts.conditioning_tokens,
        conditioning_dim=facts.conditioning_dim,
        global_dim=facts.global_dim,
        guidance=guidance,
        default_steps=int(_in_range("steps", choices.steps, facts.steps, (1, MAX_STEPS))),
        default_guidance_scale=scale if guidance else 1.0,
        default_seconds=_in_range(
            "seconds", choices.seconds, min(DEFAULT_SECONDS, window), (0.1, window)
        ),
        extendable=bool(choices.extendable),
        schedule=_schedule(family, facts, choices),
        lyric_tokens=facts.lyric_tokens,
        audio_codes=facts.audio_codes,
        frames_per_code=facts.frames_per_code,
        prompts=choices.prompts or (),
        noise=noise,
    )


def list_known_fields(family: Family, choices: Choices) -> dict[str, object]:
    """Return the fields of a card that are known before the checkpoint is loaded."""
    known: dict[str, object | None] = {
        "family": family.name,
        "default_steps": choices.steps,
        "default_seconds": choices.seconds,
        "frame_bucket": choices.frame_bucket,
        "extendable": choices.extendable,
        "eta": choices.eta,
        "guidance": choices.guidance,
    }
    return {name: value for name, value in known.items() if value is not None}


def check_name(name: str) -> None:
    """Check that Triton, folders and headers can carry a model's name.

    Raises:
        InvalidOption: they cannot.
    """
    if not _NAME.fullmatch(name):
        raise InvalidOption(f"--name {name!r} may hold only letters, digits, '_', '-' and '.'")


def _frame_bucket(facts: Facts, choices: Choices) -> int:
    variable = choices.variable_length
    if variable is None:
        variable = facts.is_variable_length or choices.frame_bucket is not None
    if not variable and choices.frame_bucket is not None:
        raise InvalidOption("--whole-window and a frame bucket are a contradiction")
    if not variable:
        return facts.max_frames
    usual = min(DEFAULT_BUCKET_FRAMES, facts.max_frames)
    bucket = int(_in_range("frame bucket", choices.frame_bucket, usual, (1, facts.max_frames)))
    if bucket % facts.frame_multiple:
        raise InvalidOption(f"frame bucket must be a multiple of {facts.frame_multiple}")
    return bucket


def _schedule(family: Family, facts: Facts, choices: Choices) -> ScheduleSettings:
    sampler = replace(
        facts.schedule,
        guidance_min_sigma=choices.guidance_min_sigma or 0.0,
        guidance_max_sigma=choices.guidance_max_sigma,
    )
    highest = math.inf if sampler.guidance_max_sigma is None else sampler.guidance_max_sigma
    if not 0.0 <= sampler.guidance_min_sigma < highest:
        raise InvalidOption(
            "guidance needs noise levels between --guidance-min-sigma, at least 0, and "
            "--guidance-max-sigma, above it"
        )
    if choices.eta is None:
        return sampler
    if family.schedule != "cosine_dpm":
        raise InvalidOption(f"--eta has no meaning for a {family.pipeline_class}")
    return replace(sampler, eta=_in_range("eta", choices.eta, 1.0, (0.0, 1.0)))


def _in_range(what: str, chosen: float | None, usual: float, bounds: tuple[float, float]) -> float:
    value = usual if chosen is None else float(chosen)
    low, high = bounds
    if not low <= value <= high:  # also false for NaN
        raise InvalidOption(f"{what} must lie between {low:g} and {high:g}, not at {value:g}")
    return value
