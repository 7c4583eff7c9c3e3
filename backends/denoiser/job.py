"""One request on its way through the denoiser. Knows no Triton."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backends.denoiser.step_times import CostClass
from backends.errors import Code, RequestFailed
from backends.tensors import Tensors
from tritone.card import ModelCard
from tritone.controls import FULL_STRENGTH
from tritone.limits import MAX_STEPS
from tritone.sampling import NO_GUIDANCE, Latents, Trajectory
from tritone.spans import Span, find_span
from tritone.tensors import (
    GUIDANCE_SCALE,
    SECONDS_END,
    SECONDS_START,
    SEED,
    STEPS,
    STRENGTH,
    TEXT_USE,
    list_blended,
    list_conditioning,
)
from tritone.turns import QueuedWork


class Reply(Protocol):
    """Where a job's one answer goes: only the first one counts. No method raises.

    Any thread may call any method, also after the answer.
    """

    def is_cancelled(self) -> bool:
        """Return whether the client has cancelled the request."""

    def succeed(self, job: "Job") -> None:
        """Answer with the job's latents."""

    def fail(self, error: RequestFailed) -> None:
        """Answer with an error."""


@dataclass(slots=True, kw_only=True, eq=False)
class Job(QueuedWork):
    """A request that was accepted. The lane that steps it owns all but `cancel_requested`."""

    job_id: str  # empty: cannot be addressed by control requests
    trajectory: Trajectory
    span: Span
    conditioning: Tensors  # as the transformer takes it, [1, ...] each
    guidance_scale: float
    strength: float  # of what it follows; below 1 each step takes a second prediction
    text_use: NDArray[Any] | None  # handed through; None: nobody counted
    reply: Reply
    cancel_requested: bool = False
    has_begun: bool = False  # at least one step was tried
    has_ended: bool = False
    client_checked_at: float = -math.inf  # on the queue's clock, in s

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done and steps in all."""
        return self.trajectory.step, self.trajectory.schedule.steps

    @property
    def shape(self) -> tuple[int, ...]:
        """Jobs of one shape can share a step: of equal latents, conditioning and predictions."""
        tokens = tuple(len(tensor[0]) for tensor in self.conditioning.values())
        return *self.trajectory.latents.shape, *tokens, int(self.strength < FULL_STRENGTH)

    @property
    def step_guidance_scale(self) -> float:
        """The guidance scale of the next step."""
        return self.trajectory.guidance_scale(self.guidance_scale)

    @property
    def cost_class(self) -> CostClass:
        """What the cost of its next step depends on."""
        return CostClass(self.shape, self.step_guidance_scale > NO_GUIDANCE)

    @property
    def steps_left(self) -> dict[CostClass, int]:
        """How many steps of each cost class it still needs."""
        done, steps = self.progress
        guided = self.trajectory.count_guided_left(self.guidance_scale)
        return {
            CostClass(self.shape, is_guided=True): guided,
            CostClass(self.shape, is_guided=False): steps - done - guided,
        }

    @property
    def left(self) -> float:
        """Predictions that it still needs, times their latent frames."""
        done, steps = self.progress
        n_predictions = steps - done + self.trajectory.count_guided_left(self.guidance_scale)
        return n_predictions * self.trajectory.latents.shape[-1]

    def end(self, error: RequestFailed | None = None) -> None:
        """Answer, once: with the latents, or with an error."""
        if self.has_ended:
            return
        self.has_ended = True
        if error is None:
            self.reply.succeed(self)
        else:
            self.reply.fail(error)

    @property
    def result(self) -> Latents:
        """What to decode: float32 [latent_channels, decoded_frames], zeros behind the last frame.

        Real frames there could be louder than what is delivered. A decoder turns all that it gets
        down to full scale, so those would make the sound quieter; zeros are nearly silent.
        """
        heard = self.trajectory.latents[:, self.span.first_frame : self.span.last_frame]
        n_silent = self.span.decoded_frames - heard.shape[1]
        return np.pad(heard, ((0, 0), (0, n_silent))) if n_silent else heard


@dataclass(frozen=True, slots=True)
class Rounding:
    """How lengths are rounded up, so that a device meets few of them."""

    latent_frames: Sequence[int] = ()  # ascending; none: as the card says
    decoded_frames: int = 1  # a multiple of so many

    def round_up(self, asked: Span) -> Span:
        """Return a span that delivers the same samples, of lengths that are rounded up."""
        denoised = asked.latent_frames
        denoised = next((each for each in self.latent_frames if each >= denoised), denoised)
        last = min(denoised, asked.last_frame + asked.missing_frames)
        n_decoded = -(-(last - asked.first_frame) // self.decoded_frames) * self.decoded_frames
        return replace(
            asked,
            latent_frames=denoised,
            last_frame=last,
            missing_frames=asked.last_frame + asked.missing_frames - last,
            decoded_frames=min(n_decoded, denoised - asked.first_frame),
        )


_AS_ASKED = Rounding()


def make_job(
    card: ModelCard,
    tensors: Mapping[str, NDArray[Any]],
    job_id: str,
    reply: Reply,
    rounding: Rounding = _AS_ASKED,
) -> Job:
    """Return a job without deadline for a copy of the tensors of one request.

    Raises:
        RequestFailed: a tensor is missing, is not of batch 1, or lies outside its bounds.
    """
    steps = int(_read_scalar(tensors, STEPS))
    if not 1 <= steps <= MAX_STEPS:
        raise _make_invalid(f"{STEPS} must be within 1 and {MAX_STEPS}, not {steps}")
    guidance_scale = _read_scalar(tensors, GUIDANCE_SCALE)
    if not math.isfinite(guidance_scale):
        raise _make_invalid(f"{GUIDANCE_SCALE} must be finite")
    strength = _read_scalar(tensors, STRENGTH) if list_blended(card) else FULL_STRENGTH
    if not 0.0 <= strength <= FULL_STRENGTH:
        raise _make_invalid(f"{STRENGTH} must be within 0 and {FULL_STRENGTH:g}, not {strength:g}")
    seed = int(_read_scalar(tensors, SEED))
    try:
        asked = rounding.round_up(
            find_span(
                card, _read_scalar(tensors, SECONDS_START), _read_scalar(tensors, SECONDS_END)
            )
        )
    except ValueError as error:
        raise _make_invalid(str(error)) from error
    # Copies: the arrays are views of shared memory that Triton reuses once the request is released.
    names = [spec.name for spec in (*list_conditioning(card), *list_blended(card))]
    return Job(
        job_id=job_id,
        trajectory=Trajectory(card, seed=seed, steps=steps, latent_frames=asked.latent_frames),
        span=asked,
        conditioning={name: _require_one_row(tensors, name).copy() for name in names},
        guidance_scale=guidance_scale,
        strength=strength,
        text_use=tensors[TEXT_USE].copy() if TEXT_USE in tensors else None,
        reply=reply,
    )


def _require_one_row(tensors: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in tensors:
        raise _make_invalid(f"{name} is missing")
    if len(tensors[name]) != 1:
        # One request is one sound: each sound has its own seed, length and end.
        raise _make_invalid(f"{name} must have batch size 1, not {len(tensors[name])}")
    return tensors[name]


def _read_scalar(tensors: Mapping[str, NDArray[Any]], name: str) -> float:
    value: float = _require_one_row(tensors, name).item()
    return value


def _make_invalid(message: str) -> RequestFailed:
    return RequestFailed(message, Code.INVALID_ARG)
