"""What a model did not take of a text, in words for the caller."""

from collections.abc import Iterator, Sequence

from tritone.words import TextUse


def note_text_uses(uses: Sequence[TextUse], names: Sequence[str]) -> tuple[str, ...]:
    """Return notes on the words of the texts of these names; none if all was used."""
    return tuple(note for text, use in zip(names, uses, strict=False) for note in _note(text, use))


def _note(text: str, use: TextUse) -> Iterator[str]:
    if use.used < use.words:
        yield f"{use.used} of {use.words} words of {text} were used: the model reads no more"
    if use.used and not use.known:
        yield f"the model knows no word of {text}"
    elif use.known < use.used:
        yield f"the model does not know {use.used - use.known} of {use.used} words of {text}"
