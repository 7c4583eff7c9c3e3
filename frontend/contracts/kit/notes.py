"""The header that says what was done otherwise than asked."""

NOTE_HEADER = "x-tritone-note"


def make_note_headers(notes: tuple[str, ...]) -> dict[str, str]:
    """Return the header, or nothing where all was done as asked."""
    return {NOTE_HEADER: "; ".join(notes)} if notes else {}
