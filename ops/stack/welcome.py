"""What somebody who has just started the stack reads: where it is, and what to do with it."""

import sys
from pathlib import Path

# Not `curl --json`: Ubuntu 20.04 and Debian 11 have older ones.
_LINES = """page:      {url}/
try it:    curl {url}/v1/audio/generate -H 'Content-Type: application/json' \\
             -d '{{"input": "rain on a tin roof", "audio_length": 5}}' -o rain.wav
or:        {command} generate "rain on a tin roof"
documents: {url}/docs, and the folder docs/
stop:      Ctrl-C"""


def describe(url: str) -> str:
    """Return a few lines about a frontend."""
    return _LINES.format(url=url, command=_command())


def _command() -> Path:
    """Return where the command is, from the current folder if it lies there."""
    command = Path(sys.executable).with_name("tritone")
    here = Path.cwd()
    return command.relative_to(here) if command.is_relative_to(here) else command
