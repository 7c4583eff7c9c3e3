import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.client.errors import ClientError
from ops.client.player import Player, find_player, play


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of the search path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, name: str, script: str) -> str:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


async def pieces() -> AsyncIterator[bytes]:
    for piece in (b"one", b"two"):
        await asyncio.sleep(0)
        yield piece


def test_the_first_player_that_is_installed_is_taken(programs: Path) -> None:
    install(programs, "afplay", "")
    assert find_player().command == ("afplay",)
    install(programs, "aplay", "")
    assert find_player().command[0] == "aplay"


async def test_a_player_that_reads_no_stdin_gets_a_file(programs: Path) -> None:
    heard = programs / "heard"
    program = install(programs, "afplay", f'/bin/cat "$1" > {heard}')
    await play(Player((program,), reads_stdin=False), pieces())
    assert heard.read_bytes() == b"onetwo"


async def test_a_player_that_cannot_says_why_in_one_line(programs: Path) -> None:
    program = install(programs, "aplay", "echo no such card >&2\necho no sound >&2\nexit 1")
    with pytest.raises(ClientError, match=r"cannot play it \(no sound\); write a file with -o"):
        await play(Player((program,)), pieces())
