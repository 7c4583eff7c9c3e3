"""When each word and character of a chunk is heard. Knows no engine."""

import json
import re
from collections.abc import Sequence

from backends.speech.engine import Reading, Sound
from backends.speech.readable import index_from

_WORD = re.compile(r"\S+")
_DIGITS = 4  # tenths of a millisecond

Span = tuple[float, float]


def timings_json(
    text: str,
    begin: int,
    reading: Reading | None,
    sound: Sound | None,
    seconds: tuple[float, float],
) -> str:
    """Return the JSON of one chunk: docs/speech.md shows it.

    `text` is the part of the request's text that the chunk stands for, from index `begin` on;
    `seconds` are where the chunk begins in the whole, and how long it is, with its pause.
    """
    start_s, duration_s = seconds
    spoken = _normalized_spans(reading, sound, duration_s) if reading and sound else []
    normalized = reading.text if reading else ""
    written = _written_spans(len(text), begin, reading, spoken, duration_s)
    return json.dumps(
        {
            "start_s": round(start_s, _DIGITS),
            "duration_s": round(duration_s, _DIGITS),
            "begin": begin,
            "end": begin + len(text),
            "words": [
                [begin + m.start(), begin + m.end(), written[m.start()][0], written[m.end() - 1][1]]
                for m in _WORD.finditer(text)
            ],
            "alignment": _alignment(text, written),
            "normalized_alignment": _alignment(normalized, spoken),
        },
        ensure_ascii=False,
    )


def _alignment(text: str, spans: Sequence[Span]) -> dict[str, object]:
    return {
        "characters": list(text),
        "character_start_times_seconds": [start for start, _ in spans],
        "character_end_times_seconds": [end for _, end in spans],
    }


def _normalized_spans(reading: Reading, sound: Sound, duration_s: float) -> list[Span]:
    """Return when each character of the normalised text is heard; together they fill the chunk."""
    edges = sound.edges_s
    edge_of: list[float] = []  # when each character begins
    for token in reading.tokens:
        start = float(edges[min(token.first_id, len(edges) - 1)])
        end = float(edges[min(token.last_id, len(edges) - 1)])
        start = max(start, edge_of[-1] if edge_of else 0.0)
        edge_of += [start] * (token.begin - len(edge_of))  # the space before it
        n = token.end - len(edge_of)
        edge_of += [start + (max(end, start) - start) * k / n for k in range(n)]
        if n > 0 and token.end < len(reading.text):
            edge_of.append(max(end, start))  # the space after it begins where it ends
    edge_of = edge_of[: len(reading.text)]
    last = max(edge_of[-1] if edge_of else 0.0, 0.0)
    edge_of += [last] * (len(reading.text) - len(edge_of))
    return _spans(edge_of, duration_s)


def _written_spans(
    n: int, begin: int, reading: Reading | None, spoken: Sequence[Span], duration_s: float
) -> list[Span]:
    """Return when each character of the request's text is heard; what is silent takes no time."""
    edge_of, previous = [], 0.0
    for k in range(n):
        if reading and spoken:
            index = index_from(reading.origins, begin + k)
            previous = spoken[index][0] if index < len(spoken) else spoken[-1][1]
        edge_of.append(previous)
    if edge_of:
        edge_of[0] = 0.0
    return _spans(edge_of, duration_s)


def _spans(starts: Sequence[float], duration_s: float) -> list[Span]:
    rounded = [round(min(start, duration_s), _DIGITS) for start in starts]
    return (
        list(zip(rounded, [*rounded[1:], round(duration_s, _DIGITS)], strict=True))
        if rounded
        else []
    )
