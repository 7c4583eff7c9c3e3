"""What a kind of sound is: how it is synthesised and what people call it.

``phrases`` are used in training, ``held_out`` only in evaluation (other orders and mixtures of
words seen in training).
``slow``/``fast`` and ``low``/``high`` are adjectives for a clip whose pace or pitch is far from the
middle; a kind without them is not described by that trait. ``width`` is how far the sound spreads
in stereo.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starter.corpus.dsp import Draw, Traits, Wave

Synthesiser: TypeAlias = Callable[[Draw, int, Traits], Wave]
Words: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """One kind of sound."""

    synthesise: Synthesiser
    phrases: Words
    held_out: Words
    slow: Words = ()
    fast: Words = ()
    low: Words = ()
    high: Words = ()
    width: float = 0.2  # 0: from one point, 1: from everywhere


def split(text: str) -> Words:
    """Phrases separated by commas."""
    return tuple(phrase.strip() for phrase in text.split(","))


LOW: Words = ("low", "deep", "low-pitched")
HIGH: Words = ("high", "high-pitched", "bright")
SLOW: Words = ("slow", "unhurried")
FAST: Words = ("fast", "quick", "rapid")
