from pathlib import Path

import pytest

from benchmarks.report import NoResult, Table, read, shown, tables_of, to_markdown, write


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("a", "a"),
        (7, "7"),
        (0.123456, "0.123"),
        (12.3456, "12.3"),
        (1234.5, "1,234"),
        (float("nan"), "–"),
    ],
)
def test_cells(cell: str | float | None, text: str) -> None:
    assert shown(cell) == text


def test_a_table_in_markdown() -> None:
    table = Table("t", ("what", "s"), (("a", 1.5), ("b", None)))
    assert table.to_markdown() == "| what | s |\n| --- | --- |\n| a | 1.5 |\n| b |  |"


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    table = Table("A title", ("what",), (("x",),))
    write("part", {"x": 1}, [table], quick=True, folder=tmp_path)
    result = read("part", tmp_path)
    assert result["figures"] == {"x": 1}
    assert tables_of(result) == [table]
    assert (tmp_path / "part.md").read_text() == to_markdown(result)
    assert "quick" in to_markdown(result)
    assert set(result["machine"]) >= {"commit", "cores", "memory_gib", "processor", "python"}


def test_a_result_of_an_older_program_says_how(tmp_path: Path) -> None:
    (tmp_path / "promises.json").write_text('{"machine": {}, "rows": []}')
    with pytest.raises(NoResult, match="older"):
        read("promises", tmp_path)


def test_a_part_that_was_not_measured_says_how(tmp_path: Path) -> None:
    with pytest.raises(NoResult, match="python -m benchmarks peers"):
        read("peers", tmp_path)
