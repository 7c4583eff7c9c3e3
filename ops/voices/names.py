"""Names that others gave, as ids of ours."""

import re
from collections.abc import Iterable

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def plain_name(name: str) -> str:
    """Return a name in characters that an id may have."""
    return _ODD.sub("_", name)


def name_voices(model: str, theirs: Iterable[str], joint: str = "-") -> dict[str, str]:
    """Return the name that each voice of a model has elsewhere, by ours; an empty one is the model.

    Names that look alike in plain characters (all that are not written in Latin) are numbered, in
    the order given: `MODEL-_`, `MODEL-_-2`. Requests may name an id in any case.
    """
    voices: dict[str, str] = {}
    taken: set[str] = set()
    for each in theirs:
        ours = wanted = f"{model}{joint}{plain_name(each)}" if each else model
        number = 1
        while ours.lower() in taken:
            number += 1
            ours = f"{wanted}-{number}"
        taken.add(ours.lower())
        voices[ours] = each
    return voices
