"""What the speaker counts, and what its metrics are called. Knows no Triton."""

from typing import Literal, Protocol

PREFIX = "tritone_speech_"
LABELS = ("model", "version")
MEANINGS: dict[str, tuple[Literal["counter", "gauge"], str]] = {
    "active": ("gauge", "Requests that have begun to be spoken."),
    "pending": ("gauge", "Requests that wait for their first passage."),
    "cancelled_total": ("counter", "Requests that were cancelled."),
    "failed_total": ("counter", "Requests that ended with any other error."),
    "passages_total": ("counter", "Sentences, or parts of one, that were spoken."),
    "passage_seconds_total": ("counter", "Time spent in speaking them."),
    "audio_seconds_total": ("counter", "Sound that was made."),
}
"""Every metric without the prefix: its kind and its meaning. docs/metrics.md shows them."""


class Metrics(Protocol):
    """Where the speaker reports; any of its threads, at any time."""

    def set_queue(self, active: int, pending: int) -> None:
        """Take the number of jobs that have begun and of those that have not."""

    def count_passage(self, seconds: float, audio_s: float) -> None:
        """Count a passage: how long it took, and how long it is."""

    def count_cancelled(self) -> None:
        """Count a job whose client gave up."""

    def count_failed(self) -> None:
        """Count a job that ended with any other error."""
