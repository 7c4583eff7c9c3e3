"""From a request to a plan: checks against the model's limits; makes every open choice."""

import math
import secrets
from dataclasses import dataclass, replace

import numpy as np

from frontend.errors import InvalidRequest
from frontend.passes.checks import check_range, check_text
from frontend.sounds.controls import apply_controls
from frontend.sounds.request import GenerationRequest
from frontend.triton.gateway import SoundPass
from tritone.card import ModelCard
from tritone.controls import NEGATIVE_PROMPT, Controls
from tritone.limits import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS, MIN_SEED, RANDOM_SEEDS

MAX_SEGMENTS = 4  # different sounds made for one extended sound; more length repeats them
LOOP_FADE_SECONDS = 0.5  # of a loop's end into its start
CROSSFADE_SECONDS = 1.0  # of one segment into the next
_MIN_LOOP_FADE_SECONDS = 0.05
_WINDOW_SLACK_SECONDS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The deployment's limits; a model's own are in its card."""

    max_prompt_chars: int
    max_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One sound: the passes that make it, and how they are put together."""

    passes: tuple[SoundPass, ...]  # they differ in their seeds only
    cost: float  # of each pass: steps of a latent frame
    n_samples: int  # delivered
    raw_samples: int  # before a loop's end is faded into its start
    crossfade_samples: int  # between passes
    loop: bool
    notes: tuple[str, ...]

    @property
    def card(self) -> ModelCard:
        """The model that all passes run on."""
        return self.passes[0].card


@dataclass(frozen=True, slots=True)
class _Layout:
    """Lengths in seconds."""

    delivered: float
    raw: float
    segment: float  # of one pass
    n_segments: int
    crossfade: float
    notes: tuple[str, ...] = ()


def make_plan(request: GenerationRequest, card: ModelCard, limits: Limits) -> Plan:
    """Return what to do for a request.

    Raises:
        InvalidRequest: a field is malformed or outside the limits; it is named in our words.
    """
    if not request.prompt.strip():
        raise InvalidRequest("The prompt must not be blank.", field="prompt")
    check_text(NEGATIVE_PROMPT, request.negative_prompt or "", limits.max_prompt_chars)
    applied = apply_controls(request.prompt, _list_controls(request), card)
    check_text("prompt", applied.prompt, limits.max_prompt_chars)
    _check_numbers(request)
    usual = card.spec.choose_seconds(card, applied.native)
    layout = _lay_out(request, usual, card, limits)
    guidance_scale, notes = _choose_guidance(request, card)
    start = request.seconds_start
    first = SoundPass(
        card=card,
        prompt=applied.prompt,
        controls=applied.native,
        seconds_start=_float32(start),
        seconds_end=_end(start + layout.segment, card),
        seed=secrets.randbelow(RANDOM_SEEDS) if request.seed is None else request.seed,
        steps=request.steps or card.default_steps,
        guidance_scale=guidance_scale,
    )
    if round((first.seconds_end - first.seconds_start) * card.sample_rate) < 1:
        raise InvalidRequest(
            "The sound would be shorter than one sample.",
            field="seconds_start" if request.seconds is None else "seconds",
            kind="not_above_minimum",
        )
    return Plan(
        passes=tuple(_reseed(first, i) for i in range(layout.n_segments)),
        cost=first.steps * first.span.latent_frames,
        n_samples=max(1, round(layout.delivered * card.sample_rate)),
        raw_samples=max(1, round(layout.raw * card.sample_rate)),
        crossfade_samples=round(layout.crossfade * card.sample_rate),
        loop=request.loop,
        notes=layout.notes + applied.notes + notes,
    )


def _check_numbers(request: GenerationRequest) -> None:
    check_range("steps", request.steps, 1, MAX_STEPS)
    check_range("guidance_scale", request.guidance_scale, 0.0, MAX_GUIDANCE_SCALE)
    check_range("seed", request.seed, MIN_SEED, MAX_SEED)
    check_range("seconds_start", request.seconds_start, 0.0, math.inf)
    for field in ("seconds", "timeout_s"):
        value = getattr(request, field)
        check_range(field, value, 0.0, math.inf)
        if value == 0:
            raise InvalidRequest(
                "The value must be greater than 0.", field=field, kind="not_above_minimum"
            )


def _list_controls(request: GenerationRequest) -> Controls:
    negative = request.negative_prompt
    return dict(request.controls) | ({NEGATIVE_PROMPT: negative} if negative else {})


def _choose_guidance(request: GenerationRequest, card: ModelCard) -> tuple[float, tuple[str, ...]]:
    scale, usual = request.guidance_scale, card.default_guidance_scale
    if card.guidance:
        return usual if scale is None else scale, ()
    return usual, () if scale in {None, usual} else ("guidance_scale ignored",)


def _lay_out(request: GenerationRequest, usual: float, card: ModelCard, limits: Limits) -> _Layout:
    room = card.window_seconds - request.seconds_start
    if room <= _WINDOW_SLACK_SECONDS:
        raise _outside_window("seconds_start", card)
    seconds = min(usual, room) if request.seconds is None else request.seconds
    raw = seconds + min(LOOP_FADE_SECONDS, seconds) if request.loop else seconds
    if raw <= room + _WINDOW_SLACK_SECONDS:
        return _Layout(seconds, raw, raw, 1, 0.0)
    if _may_extend(request, card):
        if seconds > limits.max_seconds:
            raise InvalidRequest(
                f"The sound must last at most {limits.max_seconds:g} seconds.",
                field="seconds",
                kind="above_maximum",
            )
        return _extend(seconds, raw, card)
    if seconds <= room + _WINDOW_SLACK_SECONDS:  # a loop whose fade has no room
        delivered = min(seconds, room - min(_MIN_LOOP_FADE_SECONDS, room / 2))
        notes = ("loop shortened",) if delivered < seconds else ()
        return _Layout(delivered, room, room, 1, 0.0, notes)
    raise _outside_window("seconds", card)


def _may_extend(request: GenerationRequest, card: ModelCard) -> bool:
    return card.extendable and request.may_extend and request.seconds_start == 0


def _extend(seconds: float, raw: float, card: ModelCard) -> _Layout:
    window = card.window_seconds
    crossfade = min(CROSSFADE_SECONDS, window / 4)
    needed = math.ceil((raw - crossfade) / (window - crossfade))
    if needed > MAX_SEGMENTS:
        return _Layout(seconds, raw, window, MAX_SEGMENTS, crossfade, ("extended", "looped"))
    # Equal segments, no longer than they must be: they share every batch and cost the least. One
    # sample more than the arithmetic asks, because each is rounded to whole samples.
    segment = (raw + (needed - 1) * crossfade) / needed + 1 / card.sample_rate
    return _Layout(seconds, raw, min(segment, window), needed, crossfade, ("extended",))


def _outside_window(field: str, card: ModelCard) -> InvalidRequest:
    return InvalidRequest(
        f"The sound must lie within the {card.window_seconds:g} seconds that the model "
        f"`{card.name}` can make.",
        field=field,
        kind="above_maximum",
    )


def _float32(value: float) -> float:
    return float(np.float32(value))


def _end(seconds: float, card: ModelCard) -> float:
    end = np.float32(min(seconds, card.window_seconds))
    # Rounding to float32 must not leave the window.
    return float(end if end <= card.window_seconds else np.nextafter(end, np.float32(0)))


def _reseed(pass_: SoundPass, offset: int) -> SoundPass:
    if offset == 0:
        return pass_
    seed = (pass_.seed + offset - MIN_SEED) % (MAX_SEED - MIN_SEED + 1) + MIN_SEED  # wraps
    return replace(pass_, seed=seed)
