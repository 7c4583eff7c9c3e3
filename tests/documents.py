"""The documents that people read, and the code that they print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Code in a document."""

    document: Path
    line: int
    language: str  # empty: not said
    text: str

    @property
    def id(self) -> str:
        """Where it is, for people."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def list_blocks() -> list[Block]:
    """Return the code of all documents."""
    return [block for document in DOCUMENTS for block in _blocks_of(document)]


def _blocks_of(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(document, line, found[1], found[2])
