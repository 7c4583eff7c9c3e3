from pathlib import Path

import pytest

from ops.client.errors import ClientError
from ops.client.job import Made
from ops.client.names import choose_format, choose_path, write

MADE = Made(url="", file_name="x.wav", seconds=5.0, seed=42, notes=())


@pytest.mark.parametrize(
    ("wanted", "output", "chosen"),
    [
        (None, None, "wav"),
        (None, "a.mp3", "mp3"),
        (None, "a.OGG", "opus"),
        (None, "a", "wav"),
        ("flac", "a.mp3", "flac"),
    ],
)
def test_the_format_is_the_one_named_or_the_files(
    wanted: str | None, output: str | None, chosen: str
) -> None:
    assert choose_format(wanted, Path(output) if output else None) == chosen


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Rain on a tin roof", "rain-on-a-tin-roof_seed42_5s.wav"),
        ("../../etc/passwd", "etc-passwd_seed42_5s.wav"),
        ("Glöckchen — läuten!", "glöckchen-läuten_seed42_5s.wav"),
        ("?!", "sound_seed42_5s.wav"),
        (f"{'word ' * 20}", f"{'-'.join(['word'] * 8)}_seed42_5s.wav"),
        ("x" * 300, f"{'x' * 40}_seed42_5s.wav"),
    ],
)
def test_names_say_what_is_in_the_file_and_are_safe(words: str, name: str) -> None:
    assert choose_path(MADE, words, None, is_one_of_many=False) == Path(name)


def test_a_folder_gets_files_that_are_named_after_the_words(tmp_path: Path) -> None:
    path = choose_path(MADE, "rain", tmp_path, is_one_of_many=True)
    assert path == tmp_path / "rain_seed42_5s.wav"


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ClientError, match="taken cannot be written"):
        write(tmp_path / "taken", b"sound")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
