"""The figures of `docs/benchmarks.md`, made from the results."""

from pathlib import Path

from benchmarks.report import NoResult, provenance, read, tables_of

PAGE = Path("docs/benchmarks.md")
BEGIN = "<!-- benchmarks: begin, made by `python -m benchmarks readme` -->"
END = "<!-- benchmarks: end -->"

# Parts, and how many of their tables belong on that page.
PARTS = (("promises", 1), ("peers", 2), ("overhead", 1), ("curves", 1), ("goodput", 1))


class NoMarkers(RuntimeError):
    """The file has no place for the tables."""


def section(folder: Path) -> str:
    """Return what stands between the markers: tables, each with what it was measured on.

    Parts that were not measured in full are left out.

    Raises:
        NoResult: none was measured in full.
    """
    blocks = []
    for part, n_tables in PARTS:
        try:
            result = read(part, folder)
        except NoResult:
            continue
        if result["quick"]:
            continue
        tables = tables_of(result)[:n_tables]
        blocks += [f"{table.title}:\n\n{table.to_markdown()}" for table in tables]
        blocks.append(provenance(result))
    if not blocks:
        raise NoResult(f"{folder} holds no results; run: python -m benchmarks all")
    return "\n\n".join(blocks)


def rewrite(text: str, inside: str) -> str:
    """Return a text with what lies between the markers replaced.

    Raises:
        NoMarkers: they are missing, double or in the wrong order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise NoMarkers(f"needs one line `{BEGIN}` and, below it, one line `{END}`")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{inside}\n{END}{after}"


def update(page: Path, folder: Path) -> None:
    """Write the results' tables into a file with markers.

    Raises:
        NoMarkers: it has none.
        NoResult: nothing was measured.
    """
    text = page.read_text()
    try:
        page.write_text(rewrite(text, section(folder)))
    except NoMarkers as error:
        raise NoMarkers(f"{page} {error}") from None
