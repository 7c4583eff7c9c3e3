"""Text that comes in pieces, given out in passages that can be spoken by themselves."""

import re
from collections.abc import Iterator, Sequence

from frontend.errors import RequestTooLarge

MAX_BUFFERED = 20_000  # characters
LEAST_TRIGGERED = 50  # characters, below which a passage is worth waiting for more

# Three letters before a full stop: "Dr." and "e.g." end no sentence.
_SENTENCE_END = re.compile(r"""(?:(?:\w{3}\.|[!?…])["'”’)\]]*(?=\s)|[。！？]|\n)""")
_CLAUSE_END = re.compile(r"""[,;:—](?=\s)|[、，；：]""")
_WORD_END = re.compile(r"\s")


class TextBuffer:
    """Holds text back until there is enough of it, by a schedule of characters.

    Passages end where a sentence does, else where a clause does, else between words. What they hold
    together is the text.
    """

    def __init__(self, schedule: Sequence[int]) -> None:
        """`schedule` has the length to wait for before each passage; its last one goes on."""
        self._schedule = schedule
        self._n_passages = 0
        self._text = ""

    def add(self, text: str, *, is_triggered: bool = False) -> Iterator[str]:
        """Yield the passages that are complete; `is_triggered` waits for no schedule.

        Raises:
            RequestTooLarge: too much text has no end of a word.
        """
        self._text += text
        scheduled = self._schedule[min(self._n_passages, len(self._schedule) - 1)]
        least = min(LEAST_TRIGGERED, scheduled) if is_triggered else scheduled
        end = self._find_end() if len(self._text) >= least else 0
        if end:
            yield self._take(end)
        if len(self._text) > MAX_BUFFERED:
            message = f"More than {MAX_BUFFERED} characters wait for the end of a word."
            raise RequestTooLarge(message, field="text", kind="too_long")

    def flush(self) -> Iterator[str]:
        """Yield what is left."""
        if self._text:
            yield self._take(len(self._text))

    def _take(self, end: int) -> str:
        passage, self._text = self._text[:end], self._text[end:]
        self._n_passages += 1
        return passage

    def _find_end(self) -> int:
        for pattern in (_SENTENCE_END, _CLAUSE_END, _WORD_END):
            ends = [match.end() for match in pattern.finditer(self._text)]
            if ends and self._text[: ends[-1]].strip():
                return ends[-1]
        return 0
