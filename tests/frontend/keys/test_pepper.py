from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from frontend.keys.pepper import load_pepper
from frontend.keys.settings import KeySettings
from frontend.settings import InvalidSettings


def _settings(path: Path) -> KeySettings:
    return KeySettings.model_validate({"pepper_file": str(path)})


def test_the_settings_come_first(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "pepper").model_copy(update={"pepper": SecretStr("s" * 32)})
    assert load_pepper(settings) == b"s" * 32
    assert not (tmp_path / "pepper").exists()


def test_a_pepper_is_made_once_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pepper"
    made = load_pepper(_settings(path))
    assert len(made) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_pepper(_settings(path)) == made
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_have_one_pepper(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "pepper")
    with ThreadPoolExecutor(16) as threads:
        peppers = set(threads.map(load_pepper, [settings] * 64))
    assert len(peppers) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"short\n", "too short"), (b"", "too short"), (b"\xff" * 40, "not text")],
)
def test_a_useless_file_is_named_in_one_line(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "pepper"
    path.write_bytes(content)
    with pytest.raises(InvalidSettings, match=complaint) as caught:
        load_pepper(_settings(path))
    assert str(caught.value).startswith("TRITONE_KEYS__PEPPER_FILE: ")
    assert "\n" not in str(caught.value)


def test_a_folder_where_nothing_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSettings, match="TRITONE_KEYS__PEPPER"):
        load_pepper(_settings(tmp_path / "file" / "pepper"))
