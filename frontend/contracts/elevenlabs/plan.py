"""ElevenLabs: composition plans, and `POST /v1/music/plan`, which makes one from a prompt.

Source: https://elevenlabs.io/docs/api-reference/music/create-composition-plan and the types of the
official clients 2.78 (`MusicPrompt`, the plan of `music_v1`). Nothing is invented: a plan has
the words of the prompt, sorted into positive and negative styles, and equal sections of a length
that the contract allows.
"""

import re
from collections.abc import Iterable
from typing import Annotated

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from frontend.contracts.elevenlabs.envelope import ENVELOPE
from frontend.contracts.elevenlabs.sound import add_vendor_headers, resolve_model
from frontend.contracts.kit import openapi
from frontend.contracts.kit.app_parts import get_generator
from frontend.contracts.kit.body import make_body_error, read_body
from frontend.contracts.kit.fields import Integer, Prompt, StrictBody, Text
from frontend.contracts.kit.notes import make_note_headers
from frontend.contracts.kit.route import make_router

OWN_MODELS = "music_"  # the vendor's names begin so; each stands for the default model
SHORTEST_MS, LONGEST_MS = 3000, 600_000  # of a whole song
LONGEST_SECTION_MS = 120_000
MAX_SECTIONS, MAX_STYLES = 200, 100
_PLAN = "body", "composition_plan"
_REFUSAL = re.compile(r"(?:no|without)\s+(?=\S)", re.IGNORECASE)

Styles = Annotated[list[Text], Field(max_length=MAX_STYLES)]


class Section(StrictBody):
    """A part of a song, with its own styles and length."""

    section_name: Annotated[Text, Field(min_length=1, max_length=100)]
    positive_local_styles: Styles
    negative_local_styles: Styles
    duration_ms: Integer = Field(ge=SHORTEST_MS, le=LONGEST_SECTION_MS)
    lines: Annotated[list[Text], Field(max_length=30)] = Field([], description="Lyrics.")
    source_from: None = Field(None, description="Not supported.")

    @property
    def lyrics(self) -> str:
        """The section's name, its own styles, and its lines."""
        styles = ", ".join(filter(None, map(str.strip, self.positive_local_styles)))
        name = " - ".join(filter(None, (self.section_name.strip(), styles)))
        return "\n".join((f"[{name}]", *filter(None, map(str.strip, self.lines))))


class CompositionPlan(StrictBody):
    """The styles of a song, as a whole and section by section."""

    positive_global_styles: Styles
    negative_global_styles: Styles
    sections: Annotated[list[Section], Field(min_length=1, max_length=MAX_SECTIONS)]

    @property
    def milliseconds(self) -> int:
        """Length of all sections together."""
        return sum(section.duration_ms for section in self.sections)

    @property
    def prompt(self) -> str:
        """All positive styles, each once."""
        local = (style for each in self.sections for style in each.positive_local_styles)
        return _join((*self.positive_global_styles, *local))

    @property
    def negative_prompt(self) -> str:
        """All negative styles, each once."""
        local = (style for each in self.sections for style in each.negative_local_styles)
        return _join((*self.negative_global_styles, *local))

    @property
    def lyrics(self) -> str:
        """The lines of all sections under the sections' names; empty if there are no lines.

        Names and styles stand in brackets, as models that sing know them: "[Chorus - loud]".
        """
        if not any(line.strip() for each in self.sections for line in each.lines):
            return ""
        return "\n\n".join(each.lyrics for each in self.sections)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a model that makes a song in one go cannot do, and the unknown fields."""
        styles = {
            str((each.positive_local_styles, each.negative_local_styles)) for each in self.sections
        }
        is_uneven = len(styles) > 1
        return (*super().notes, *(("sections made as one",) if is_uneven else ()))


class PlanBody(StrictBody):
    """The music to plan."""

    prompt: Prompt = Field(description="The music, in words.")
    music_length_ms: Integer | None = Field(
        None, ge=SHORTEST_MS, le=LONGEST_MS, description="Length; the model's own if absent."
    )
    source_composition_plan: CompositionPlan | None = Field(
        None, description="A plan to start from: its styles stay, its sections are stretched."
    )
    model_id: Text | None = Field(None, description="A served model, or any `music_*`.")


EXAMPLE = {"prompt": "A slow waltz for strings, no drums", "music_length_ms": 10_000}


def make_plan(prompt: str, milliseconds: int) -> CompositionPlan:
    """Return the plan of a prompt: its phrases as styles, and equal parts of a whole.

    "no drums" and "without drums" become a negative style, everything else a positive one.
    """
    phrases = [phrase.strip() for phrase in re.split(r"[,;\n]", prompt)]
    styles = [phrase for phrase in phrases if phrase][:MAX_STYLES]
    wanted = [each for each in styles if not _REFUSAL.match(each)]
    unwanted = [_REFUSAL.sub("", each, count=1) for each in styles if _REFUSAL.match(each)]
    whole = max(SHORTEST_MS, milliseconds)
    n_sections = -(-whole // LONGEST_SECTION_MS)
    return CompositionPlan(
        positive_global_styles=wanted or [prompt.strip()],
        negative_global_styles=unwanted,
        sections=[
            Section(
                section_name=f"Part {n + 1}",
                positive_local_styles=[],
                negative_local_styles=[],
                # Adds up to the whole, to the millisecond.
                duration_ms=whole * (n + 1) // n_sections - whole * n // n_sections,
            )
            for n in range(n_sections)
        ],
    )


def continue_plan(
    source: CompositionPlan, wanted: CompositionPlan, milliseconds: int | None
) -> CompositionPlan:
    """Return a plan with the styles of both and the first one's sections, stretched to a length."""
    factor = 1.0 if milliseconds is None else milliseconds / source.milliseconds
    return CompositionPlan(
        positive_global_styles=_drop_repeats(
            (*source.positive_global_styles, *wanted.positive_global_styles)
        ),
        negative_global_styles=_drop_repeats(
            (*source.negative_global_styles, *wanted.negative_global_styles)
        ),
        sections=[
            each.model_copy(update={"duration_ms": _clamp(round(factor * each.duration_ms))})
            for each in source.sections
        ],
    )


def _clamp(milliseconds: int) -> int:
    return min(max(milliseconds, SHORTEST_MS), LONGEST_SECTION_MS)


def _drop_repeats(styles: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(styles))[:MAX_STYLES]


def _join(styles: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(style.strip() for style in styles if style.strip()))


def check_plan(plan: CompositionPlan) -> CompositionPlan:
    """Return a plan that can be made.

    Raises:
        MalformedRequest: it says nothing, or is too long as a whole.
    """
    if not plan.prompt:
        raise make_body_error("Input should have at least one positive style", "too_short", *_PLAN)
    if plan.milliseconds > LONGEST_MS:
        message = f"Sections should last at most {LONGEST_MS} ms together"
        raise make_body_error(message, "less_than_equal", *_PLAN)
    return plan


router = make_router(ENVELOPE, "ElevenLabs")


@router.post(
    "/v1/music/plan",
    response_model=CompositionPlan,
    responses=openapi.errors_of(ENVELOPE),
    openapi_extra=openapi.body_of(PlanBody, EXAMPLE),
)
async def answer_plan(request: Request) -> Response:
    """Make a composition plan from a prompt; send it to `/v1/music` as it is or changed."""
    body = await read_body(request, PlanBody)
    card = resolve_model(body.model_id, get_generator(request), OWN_MODELS)
    length = body.music_length_ms or round(1000 * card.default_seconds)
    plan = make_plan(body.prompt, length)
    if body.source_composition_plan is not None:
        plan = continue_plan(body.source_composition_plan, plan, body.music_length_ms)
    headers = add_vendor_headers(request, make_note_headers(body.notes))
    return JSONResponse(plan.model_dump(), headers=headers)
