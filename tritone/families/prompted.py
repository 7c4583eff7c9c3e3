"""What families have in common whose models take a prompt and, guided, a negative prompt."""

from typing import TYPE_CHECKING

from tritone.controls import NEGATIVE_PROMPT, Control
from tritone.limits import MAX_TEXT_CHARS

if TYPE_CHECKING:
    from tritone.card import ModelCard

_NEGATIVE = Control(name=NEGATIVE_PROMPT, most=MAX_TEXT_CHARS)


def list_controls(card: "ModelCard") -> tuple[Control, ...]:
    """Return the controls of a model: without guidance there is nothing to guide away from."""
    return (_NEGATIVE,) if card.guidance else ()
