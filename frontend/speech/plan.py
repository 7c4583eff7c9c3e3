"""From a request to a plan: checks against the voice's limits; makes every open choice."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from frontend.errors import InvalidRequest
from frontend.passes.checks import check_range, check_text
from frontend.speech.request import SpeechRequest
from frontend.speech.unread import note_unread
from frontend.speech.voices import choose_voice
from frontend.triton.gateway import SpeechPass
from tritone.card import SpeechCard, Voice
from tritone.limits import MAX_SEED, MIN_SEED, RANDOM_SEEDS
from tritone.speech_options import SpeechOptions

SLOW_CHARACTERS_A_SECOND = 8.0
"""Characters that a slow voice speaks in a second; a quick one speaks twice as many."""

COST_OF_A_CHARACTER = 10.0
"""In steps of a latent frame: on two cores 15 characters take 14 ms, as long as 150 such steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechPlan:
    """One text: the pass that speaks it, and what the answer says of it."""

    pass_: SpeechPass
    voice: Voice
    cost: float  # for admission, in steps of a latent frame
    notes: tuple[str, ...]  # what is done otherwise than asked

    @property
    def longest_seconds(self) -> float:
        """A generous estimate of how long the speech lasts."""
        return len(self.pass_.text) / SLOW_CHARACTERS_A_SECOND / self.pass_.speed

    @property
    def card(self) -> SpeechCard:
        """The model that speaks."""
        return self.pass_.card


def make_plan(request: SpeechRequest, cards: Sequence[SpeechCard]) -> SpeechPlan:
    """Return what to do for a request that one of `cards` may speak.

    Raises:
        InvalidRequest: a field is malformed or outside the limits; it is named in our words.
        NothingToSpeak: the voice reads none of it.
    """
    chosen = choose_voice(request, cards)
    card = chosen.card
    check_text("text", request.text, card.max_characters)
    if not request.text.strip():
        raise InvalidRequest("The text must not be blank.", field="text")
    check_range("speed", request.speed, card.min_speed, card.max_speed)
    check_range("seed", request.seed, MIN_SEED, MAX_SEED)
    return SpeechPlan(
        pass_=SpeechPass(
            card=card,
            text=request.text,
            voice=chosen.voice.id,
            speed=request.speed,
            seed=secrets.randbelow(RANDOM_SEEDS) if request.seed is None else request.seed,
            options=SpeechOptions(
                pronunciations=request.pronunciations, normalizes=request.normalizes
            ),
            wants_timings=request.wants_timings,
        ),
        voice=chosen.voice,
        cost=COST_OF_A_CHARACTER * len(request.text),
        notes=(
            *_note_stand_in(request.voice, chosen.voice),
            *note_unread(request.text, request.pronunciations, chosen.voice),
        ),
    )


def _note_stand_in(name: str | None, voice: Voice) -> tuple[str, ...]:
    if not name or name.lower() in (voice.id.lower(), voice.name.lower()):
        return ()
    return (f"voice {voice.id} stands in for {name}",)
