"""The text of a passage as it is read. Knows no engine."""

from collections.abc import Sequence

_SPACE = " "


class Written:
    """The normalised text of a passage as it grows, and where its characters come from."""

    def __init__(self) -> None:
        self.text = ""
        self.origins: list[int] = []

    def add(self, text: str, origins: Sequence[int]) -> None:
        """Add a part of the text, with the index in the request's text of each character."""
        if self.text:
            self.text += _SPACE
            self.origins.append(origins[0])
        self.text += text
        self.origins += origins
