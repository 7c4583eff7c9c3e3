"""What of a text a voice cannot read, because it is written in another script."""

from collections.abc import Iterable, Sequence

from frontend.errors import HOW_TO_ADD_VOICES, NothingToSpeak
from tritone.card import Voice
from tritone.scripts import find_unread
from tritone.speech_marks import find_marks
from tritone.speech_options import Pronunciation


def note_unread(
    text: str, pronunciations: Sequence[Pronunciation], voice: Voice
) -> tuple[str, ...]:
    """Return a note of the scripts that will be left out; none where everything is read.

    Raises:
        NothingToSpeak: all of it would be left out.
    """
    if text.isascii() or not find_unread(text, voice.language):
        return ()
    helping = [each for each in pronunciations if find_unread(each.text, voice.language)]
    found = find_marks(text, helping)
    left = _without(text, [(each.begin, each.end) for each in found])
    scripts = ", ".join(find_unread(left, voice.language))
    if not scripts:
        return ()
    is_spoken = any(each.ipa or each.alias for each in found)
    if not is_spoken and not any(_is_read(each, voice) for each in set(left)):
        raise NothingToSpeak(
            f"The voice {voice.id} does not read {scripts}: nothing is left to speak. "
            f"{HOW_TO_ADD_VOICES}",
            field="text",
        )
    return (f"{scripts} left out: the voice {voice.id} does not read it",)


def _is_read(character: str, voice: Voice) -> bool:
    return character.isalnum() and not find_unread(character, voice.language)


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, position = [], 0
    for begin, end in spans:
        parts.append(text[position:begin])
        position = end
    return " ".join([*parts, text[position:]])
