"""`x-tritone-note`: the header that says what could not be done as asked."""

NOTE_HEADER = "x-tritone-note"


def make_note_headers(notes: tuple[str, ...]) -> dict[str, str]:
    """Return the header, or none where everything was done as asked."""
    return {NOTE_HEADER: "; ".join(notes)} if notes else {}
