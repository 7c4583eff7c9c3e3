from pathlib import Path

from benchmarks.plots import Line, bars, plot

_PNG = b"\x89PNG"


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    lines = [Line("p50", [1, 2], [0.5, 0.9]), Line("clips/s", [1, 2], [1, 1.5], on_right=True)]
    for name in ("a.png", "b.png"):
        plot(tmp_path / name, "title", ("clients", "s", "clips/s"), lines)
    picture = (tmp_path / "a.png").read_bytes()
    assert picture.startswith(_PNG)
    assert picture == (tmp_path / "b.png").read_bytes()


def test_bars(tmp_path: Path) -> None:
    bars(tmp_path / "c.png", "title", "clips/s", [("Tritone", 2.0), ("another", 1.0)])
    assert (tmp_path / "c.png").read_bytes().startswith(_PNG)
