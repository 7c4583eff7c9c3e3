import subprocess
import sys
from pathlib import Path

import pytest

from ops.triton.shared_memory import (
    close_regions,
    find_abandoned_prefixes,
    is_owned,
    own_prefix,
    remove_abandoned,
    remove_regions,
)


@pytest.fixture
def dead_prefix(tmp_path: Path) -> str:
    """Return the prefix of a stack that was killed, with one region of Triton's."""
    code = (
        "import os, pathlib, sys, ops.triton.shared_memory as s\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with s.own_prefix(folder) as prefix:\n"
        "    (folder / f'{prefix}region').touch()\n"
        "    print(prefix, flush=True)\n"
        "    os._exit(9)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def test_a_prefix_takes_its_regions_with_it(tmp_path: Path) -> None:
    stranger = tmp_path / "tritone_of_somebody_else"
    stranger.touch()
    with own_prefix(tmp_path) as prefix:
        (tmp_path / f"{prefix}region").touch()
        assert is_owned(prefix, tmp_path)
    assert list(tmp_path.iterdir()) == [stranger]


def test_regions_are_closed_to_other_users(tmp_path: Path) -> None:
    ours, others = tmp_path / "tritone_a_region", tmp_path / "tritone_b_region"
    for path in (ours, others):
        path.touch(0o644)
    close_regions("tritone_a_", tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (ours, others)] == [0o600, 0o644]


def test_two_stacks_do_not_share_a_prefix(tmp_path: Path) -> None:
    with own_prefix(tmp_path) as first, own_prefix(tmp_path) as second:
        assert first != second
        (tmp_path / f"{second}region").touch()
        remove_regions(first, tmp_path)
        assert (tmp_path / f"{second}region").exists()


def test_a_dead_stack_is_found_and_cleared(tmp_path: Path, dead_prefix: str) -> None:
    with own_prefix(tmp_path) as living:
        (tmp_path / f"{living}region").touch()
        assert find_abandoned_prefixes(tmp_path) == [dead_prefix]
        remove_abandoned(dead_prefix, tmp_path)
        assert find_abandoned_prefixes(tmp_path) == []
        assert not list(tmp_path.glob(f"{dead_prefix}*"))
        assert (tmp_path / f"{living}region").exists()
