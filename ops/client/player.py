"""Plays audio on this machine's speakers, with whatever player is installed."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from ops.client.errors import ClientError


@dataclass(frozen=True, slots=True)
class Player:
    """A program that plays a WAV file."""

    command: tuple[str, ...]
    reads_stdin: bool = True  # it plays while the file is still made


_PLAYERS = (
    Player(("aplay", "-q", "-")),  # ALSA
    Player(("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-")),
    Player(("mpv", "--really-quiet", "-")),
    Player(("play", "-q", "-t", "wav", "-")),  # SoX
    Player(("pw-play",), reads_stdin=False),  # PipeWire
    Player(("paplay",), reads_stdin=False),  # PulseAudio
    Player(("afplay",), reads_stdin=False),  # macOS
)


def find_player() -> Player:
    """Return the first player that is installed.

    Raises:
        ClientError: none is.
    """
    for player in _PLAYERS:
        if shutil.which(player.command[0]):
            return player
    known = ", ".join(player.command[0] for player in _PLAYERS)
    raise ClientError(
        f"none of {known} is installed to play it: install one (Debian and Ubuntu: "
        "apt install alsa-utils), or write a file with -o"
    )


async def play(player: Player, audio: AsyncIterator[bytes]) -> None:
    """Play a WAV file that comes in pieces; return when it has been heard.

    Raises:
        ClientError: the player cannot.
    """
    if player.reads_stdin:
        await _pipe(player.command, audio)
        return
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        async for piece in audio:
            file.write(piece)
        file.flush()
        await _pipe((*player.command, file.name), None)


async def _pipe(command: tuple[str, ...], audio: AsyncIterator[bytes] | None) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdin = cast("asyncio.StreamWriter", process.stdin)
    said = asyncio.create_task(cast("asyncio.StreamReader", process.stderr).read())
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its own words say why
            if audio is not None:
                async for piece in audio:
                    stdin.write(piece)
                    await stdin.drain()
            stdin.close()
        status = await process.wait()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    why = (await said).decode(errors="replace").strip().splitlines()
    if status:
        reason = why[-1] if why else f"status {status}"
        raise ClientError(f"{command[0]} cannot play it ({reason}); write a file with -o")
