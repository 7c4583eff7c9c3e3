"""When each word and character of a chunk is heard. Knows no engine."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backends.speech.engine import Reading, Sound
from backends.speech.readable import index_from
from backends.speech.script import Piece

_WORD = re.compile(r"\S*\w\S*")
_DIGITS = 4  # tenths of a millisecond

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a chunk stands for."""

    text: str  # the part of the request's text
    begin: int  # where it begins there
    pieces: Sequence[Piece]  # what of it is spoken
    start_s: float  # where the chunk begins in the whole
    duration_s: float  # with its pause


def timings_json(told: Told, reading: Reading | None, sound: Sound | None) -> str:
    """Return the JSON of one chunk: docs/speech.md shows it."""
    spoken = _normalized_spans(reading, sound, told.duration_s) if reading and sound else []
    written = _written_spans(told, reading, spoken)
    return json.dumps(
        {
            "start_s": round(told.start_s, _DIGITS),
            "duration_s": round(told.duration_s, _DIGITS),
            "begin": told.begin,
            "end": told.begin + len(told.text),
            "words": [
                [begin, end, written[begin - told.begin][0], written[end - told.begin - 1][1]]
                for begin, end in _words(told.pieces)
            ],
            "alignment": _alignment(told.text, written),
            "normalized_alignment": _alignment(reading.text if reading else "", spoken),
        },
        ensure_ascii=False,
    )


def _alignment(text: str, spans: Sequence[Span]) -> dict[str, object]:
    return {
        "characters": list(text),
        "character_start_times_seconds": [start for start, _ in spans],
        "character_end_times_seconds": [end for _, end in spans],
    }


def _words(pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Yield where the words are in the request's text; phonemes and aliases are one each."""
    for piece in pieces:
        if piece.is_as_written:
            for match in _WORD.finditer(piece.text):
                yield piece.begin + match.start(), piece.begin + match.end()
        else:
            yield piece.begin, piece.end


def _normalized_spans(reading: Reading, sound: Sound, duration_s: float) -> list[Span]:
    """Return when each character of the normalised text is heard; each begins where one ends."""
    edges, last = sound.edges_s, len(sound.edges_s) - 1
    starts: list[float] = []
    end = 0.0
    for token in reading.tokens:
        start = max(float(edges[min(token.first_id, last)]), end)
        starts += [end] * (token.begin - len(starts))  # the space before it
        end = max(float(edges[min(token.last_id, last)]), start)
        n = token.end - len(starts)
        starts += [start + (end - start) * k / n for k in range(n)]
    starts += [end] * (len(reading.text) - len(starts))
    return _spans(starts, min(end, duration_s))


def _written_spans(told: Told, reading: Reading | None, spoken: Sequence[Span]) -> list[Span]:
    """Return when each character of the request's text is heard.

    What is not spoken takes no time, but the last character has what is left of the chunk.
    """
    starts, end = [], told.duration_s
    previous = 0.0
    for position in range(told.begin, told.begin + len(told.text)):
        if reading and spoken:
            index = index_from(reading.origins, position)
            previous = spoken[index][0] if index < len(spoken) else spoken[-1][1]
            end = spoken[-1][1] if index < len(spoken) else told.duration_s
        starts.append(previous)
    return _spans(starts, end)


def _spans(starts: Sequence[float], end: float) -> list[Span]:
    rounded = [round(min(start, end), _DIGITS) for start in starts]
    return list(zip(rounded, [*rounded[1:], round(end, _DIGITS)], strict=True)) if rounded else []
