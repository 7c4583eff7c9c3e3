from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.readme import BEGIN, END, NoMarkers, rewrite, section, update
from benchmarks.report import NoResult, Table, write


def test_only_what_lies_between_the_markers_changes() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = rewrite(text, "new")
    assert once == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert rewrite(once, "new") == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_file_without_proper_markers_is_refused(text: str) -> None:
    with pytest.raises(NoMarkers):
        rewrite(text, "new")


def test_the_tables_of_the_parts_that_were_measured_come_from_the_json(tmp_path: Path) -> None:
    table = Table("Side by side", ("server", "clips/s"), (("Tritone", 1.5),))
    write("peers", {}, [table], quick=False, folder=tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n{BEGIN}\n{END}\n")
    update(readme, tmp_path)
    assert "| Tritone | 1.5 |" in readme.read_text()
    assert "Commit" in readme.read_text()


def test_without_results_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(NoResult, match="benchmarks all"):
        section(tmp_path)


def test_quick_runs_are_not_quoted(tmp_path: Path) -> None:
    write("peers", {}, [Table("t", ("a",), (("b",),))], quick=True, folder=tmp_path)
    with pytest.raises(NoResult):
        section(tmp_path)


def test_a_quick_run_overwrites_no_figure_that_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "QUICK_RESULTS", tmp_path / "quick")
    table = Table("t", ("a",), (("b",),))
    kept = write("peers", {"n": 1}, [table], quick=False).read_text()
    write("peers", {"n": 2}, [table], quick=True)
    assert (tmp_path / "peers.json").read_text() == kept


def test_a_file_without_markers_is_named(tmp_path: Path) -> None:
    write("peers", {}, [Table("t", ("a",), (("b",),))], quick=False, folder=tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(NoMarkers, match=r"README\.md needs one line"):
        update(readme, tmp_path)
