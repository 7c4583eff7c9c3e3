"""A text as what is spoken in one go, passage by passage. Knows no engine and no Triton.

The passages tile the text: each character belongs to exactly one of them, so that what they say of
their characters can be put together again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sentencex

from backends.speech.readable import Readable, find_origins
from tritone.speech_marks import Mark, find_marks
from tritone.speech_options import Pronunciation

FIRST_CHARACTERS = 40
"""The first passage may end at the first clause after this many characters.

So the first sound comes early.
"""

MAX_CHARACTERS = 280
"""Of a passage. A longer sentence is cut at a clause, else between words."""

_DIGIT_CHARACTERS = 5  # that a digit counts as: it may be read as a word

_MIN_REST = 20  # characters that must be left where the first passage is cut
_FIRST_MAX_CHARACTERS = 160

_SENTENCE_PAUSE_S = 0.26
_PARAGRAPH_PAUSE_S = 0.55
_LINE_PAUSE_S = 0.32
_CLAUSE_PAUSE_S = 0.1
_WORD_PAUSE_S = 0.0

_CLAUSE_END = re.compile(r"[,;:—–)]['\"”’]?\s+")
_WORD_END = re.compile(r"\s+")
_SHORT_LINE = 60
_NEW_LINE = re.compile(r"[ \t]*\n\s*(?=[-*•\d(\"“A-ZÀ-Þ])")
_HAS_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a passage that is read in one way."""

    begin: int  # in the text
    end: int
    text: str  # to be read; what is written there, or an alias
    ipa: str = ""  # to be spoken instead

    @property
    def is_as_written(self) -> bool:
        """Whether its characters are those of the text, one by one."""
        return not self.ipa and len(self.text) == self.end - self.begin

    def locate(self, text: str, readable: Readable) -> list[int]:
        """Return, for each character of `text`, where it stands in the whole text.

        `readable` is the piece's text as it can be read; a reader made `text` of that.
        """
        if not self.is_as_written:
            return [self.begin] * len(text)
        return [self.begin + readable.origins[i] for i in find_origins(text, readable.text)]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is spoken in one go: a sentence, or a part of one."""

    begin: int  # in the text
    end: int
    pieces: tuple[Piece, ...]
    pause_s: float  # the silence after it, at the voice's own pace
    is_break: bool = False  # the pause is one that was asked for, whatever the pace


@dataclass(slots=True)
class _Span:
    begin: int
    end: int
    pause_s: float
    is_break: bool = False


def cut_passages(
    text: str, pronunciations: Sequence[Pronunciation] = (), language: str = "en"
) -> list[Passage]:
    """Return what is spoken, in order; nothing where the text has neither words nor pauses."""
    found = find_marks(text, pronunciations)
    masked = _mask(text, found)
    if not _HAS_WORD.search(masked):
        return []
    spans: list[_Span] = []
    for span in _at_breaks(_sentences(masked, language), found):
        limit = FIRST_CHARACTERS if not spans else 0
        spans += _cut(masked, span, limit)
    return _with_words(text, masked, spans, found)


def _mask(text: str, found: list[Mark]) -> str:
    """Return the text, of equal length, without what would mislead the search for its ends."""
    parts, position = [], 0
    for mark in found:
        is_spoken = bool(mark.ipa or mark.alias)
        parts += [
            text[position : mark.begin],
            ("x" if is_spoken else " ") * (mark.end - mark.begin),
        ]
        position = mark.end
    return "".join([*parts, text[position:]])


def _sentences(masked: str, language: str) -> Iterator[_Span]:
    """Yield the sentences with what follows them, and the lines that stand for themselves."""
    begin, pause_s = 0, _SENTENCE_PAUSE_S
    for found in sentencex.get_sentence_boundaries(language, masked):
        start, end = found["start_index"], found["end_index"]
        if not masked[start:end].strip():
            pause_s = _PARAGRAPH_PAUSE_S if "\n" in masked[start:end] else pause_s
            continue
        if start > begin:
            yield from _lines(masked, _Span(begin, start, pause_s))
        begin, pause_s = start, _SENTENCE_PAUSE_S
    yield from _lines(masked, _Span(begin, len(masked), pause_s))


def _lines(masked: str, span: _Span) -> Iterator[_Span]:
    """Yield the lines of headings, lists and verses apart; wrapped text stays whole."""
    begin = span.begin
    for match in _NEW_LINE.finditer(masked, span.begin, span.end):
        line = masked[begin : match.start()].strip()
        if line and len(line) < _SHORT_LINE and match.end() < span.end:
            yield _Span(begin, match.end(), _LINE_PAUSE_S)
            begin = match.end()
    yield _Span(begin, span.end, span.pause_s)


def _at_breaks(spans: Iterator[_Span], found: list[Mark]) -> Iterator[_Span]:
    """Yield the spans, cut where a pause is asked for."""
    breaks = iter([mark for mark in found if mark.pause_s is not None])
    mark = next(breaks, None)
    for span in spans:
        while mark is not None and mark.begin < span.end:
            yield _Span(span.begin, mark.end, mark.pause_s or 0.0, is_break=True)
            span = _Span(mark.end, span.end, span.pause_s)  # noqa: PLW2901 -- what is left of it
            mark = next(breaks, None)
        if span.begin < span.end:
            yield span


def _cut(masked: str, span: _Span, first_limit: int) -> Iterator[_Span]:
    """Yield a span in parts that are short enough; with a limit, the first one ends early."""
    begin = span.begin
    if first_limit:
        last = min(span.end - _MIN_REST, _reach(masked, begin, span.end))
        wanted = range(begin + first_limit, last)
        end = _first(_CLAUSE_END, masked, wanted)
        if end is None and span.end - begin > _FIRST_MAX_CHARACTERS:
            end = _last(_WORD_END, masked, range(begin + 1, begin + _FIRST_MAX_CHARACTERS))
        if end is not None:
            yield _Span(begin, end, _pause_within(masked, end))
            begin = end
    while (reach := _reach(masked, begin, span.end)) < span.end:
        wanted = range(begin + 1, reach)
        end = _last(_CLAUSE_END, masked, wanted) or _last(_WORD_END, masked, wanted) or reach
        yield _Span(begin, end, _pause_within(masked, end))
        begin = end
    yield _Span(begin, span.end, span.pause_s, span.is_break)


def _reach(masked: str, begin: int, end: int) -> int:
    """Return where a part that begins here is as long as one may be, or `end`."""
    left = MAX_CHARACTERS
    for position in range(begin, end):
        left -= _DIGIT_CHARACTERS if masked[position].isdigit() else 1
        if left < 0:
            return position
    return end


def _first(pattern: re.Pattern[str], masked: str, within: range) -> int | None:
    """Return where the first match ends whose end lies within."""
    for match in pattern.finditer(masked, within.start, max(within.start, within.stop)):
        return match.end()
    return None


def _last(pattern: re.Pattern[str], masked: str, within: range) -> int | None:
    ends = [match.end() for match in pattern.finditer(masked, within.start, within.stop)]
    return ends[-1] if ends else None


def _pause_within(masked: str, end: int) -> float:
    return _CLAUSE_PAUSE_S if _CLAUSE_END.search(masked, max(0, end - 4), end) else _WORD_PAUSE_S


def _with_words(text: str, masked: str, spans: list[_Span], found: list[Mark]) -> list[Passage]:
    """Return the passages; a span without words goes to its neighbour, its pause counts."""
    made: list[Passage] = []
    begin = 0
    for span in spans:
        pieces = tuple(_pieces(text, begin, span.end, found))
        if _HAS_WORD.search(masked, begin, span.end) or (span.is_break and not made):
            made.append(Passage(begin, span.end, pieces, span.pause_s, span.is_break))
        elif made:
            last = made[-1]
            pause_s = last.pause_s + span.pause_s if span.is_break else last.pause_s
            made[-1] = Passage(
                last.begin, span.end, last.pieces, pause_s, last.is_break or span.is_break
            )
        else:
            continue  # it goes to the first passage
        begin = span.end
    return made


def _pieces(text: str, begin: int, end: int, found: list[Mark]) -> Iterator[Piece]:
    position = begin
    for mark in found:
        if mark.end <= begin or mark.begin >= end:
            continue
        if position < mark.begin:
            yield Piece(position, mark.begin, text[position : mark.begin])
        if mark.ipa or mark.alias:
            yield Piece(mark.begin, mark.end, mark.alias, mark.ipa)
        position = max(position, mark.end)
    if position < end:
        yield Piece(position, end, text[position:end])
