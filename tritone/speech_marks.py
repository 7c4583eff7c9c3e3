"""What a text says beside its words: pauses, phonemes, pronunciations, tags. Knows no engine."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tritone.speech_options import Pronunciation

MAX_BREAK_S = 10.0
_ATTRIBUTES = r"""(?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*"""
_PATTERN = re.compile(
    rf"""(?P<break><break\b{_ATTRIBUTES}\s*/?>)
    |<phoneme\b(?P<attributes>{_ATTRIBUTES})\s*>(?P<word>[^<>]{{0,200}})</phoneme>
    |\[\[(?P<ipa>[^\[\]]{{1,400}})\]\]
    |(?P<tag></?[A-Za-z][\w:-]*{_ATTRIBUTES}\s*/?>)""",
    re.VERBOSE,
)
_TIME = re.compile(r"""\btime\s*=\s*["'](\d+(?:\.\d*)?|\.\d+)(m?s)["']""")
_PHONEMES = re.compile(r"""\bph\s*=\s*["']([^"']*)["']""")


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of the text that is not read as it is written."""

    begin: int  # in the text
    end: int
    pause_s: float | None = None  # a pause
    ipa: str = ""  # phonemes
    alias: str = ""  # other words; neither of the three: nothing is spoken


def find_marks(text: str, pronunciations: Sequence[Pronunciation]) -> list[Mark]:
    """Return the marks of a text in their order; none overlaps another."""
    found: list[Mark] = []
    find = _finder(text, pronunciations)
    position = 0
    for match in _PATTERN.finditer(text):
        found += find(text, position, match.start())
        found.append(_mark(match))
        position = match.end()
    return [*found, *find(text, position, len(text))]


def _mark(match: re.Match[str]) -> Mark:
    begin, end = match.span()
    if match["ipa"] is not None:
        return Mark(begin, end, ipa=match["ipa"].strip())
    if match["break"] is not None:
        time = _TIME.search(match["break"])
        seconds = float(time[1]) / (1000 if time[2] == "ms" else 1) if time else 0.0
        return Mark(begin, end, pause_s=min(seconds, MAX_BREAK_S))
    if match["word"] is not None:
        phonemes = _PHONEMES.search(match["attributes"])
        if phonemes and phonemes[1].strip():
            return Mark(begin, end, ipa=phonemes[1].strip())
        return Mark(begin, end, alias=match["word"])
    return Mark(begin, end)


Finder = Callable[[str, int, int], Iterator[Mark]]


def _finder(text: str, pronunciations: Sequence[Pronunciation]) -> Finder:
    """Return what finds the entries of a dictionary in a part of a text, the longest first."""
    lower = text.lower()
    # Few of a thousand entries are in a text; to look for all of them at each letter takes seconds.
    occurring = [entry for entry in pronunciations if entry.text.lower() in lower]
    if not occurring:
        return lambda text, begin, end: iter(())
    entries = sorted(occurring, key=lambda entry: -len(entry.text))
    return partial(_pronounce, entries, re.compile("|".join(map(_alternative, entries))))


def _alternative(entry: Pronunciation) -> str:
    text = re.escape(entry.text)
    text = text if entry.is_case_sensitive else f"(?i:{text})"
    return rf"((?<!\w){text}(?!\w))" if entry.is_whole_word else f"({text})"


def _pronounce(
    entries: list[Pronunciation], pattern: re.Pattern[str], text: str, begin: int, end: int
) -> Iterator[Mark]:
    for match in pattern.finditer(text, begin, end):
        entry = entries[(match.lastindex or 1) - 1]
        yield Mark(*match.span(), ipa=entry.ipa, alias=entry.alias)
