"""Every example that the README and the documents print works as printed, against a real Triton."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.acceptance.stack import Stack
from tests.documents import Block, list_blocks

pytestmark = pytest.mark.triton

NOT_RUN = {
    r"\bmake [a-z]": "it starts what runs here already; test_docs.py looks for the target",
    r"^docker ": "there is no Docker here; tests/deploy/ checks the files",
    r"^kubectl ": "there is no cluster here; tests/deploy/ checks the files",
    r"^\.venv/bin/python -m tests\.": "a drill of many minutes: `make drills`",
    r"\bElevenLabs\w*\(": "tests/clients/ does the same with every release of the client",
    r"\bMusicGPTClient\(": "tests/clients/ does the same with the client",
    r"^tritone voices add ": "it fetches packages; tests/ops/voices/ adds voices from a folder",
    r"^tritone voices connect ": "its server is not here: tests/acceptance/test_added_voices.py",
    r"--install-completion": "it asks from which shell a person started it",
    r"\btritone up --gpu": "there is no GPU here: tests/ops/triton/test_gpu.py",
    r"\bpython -m export ": "it needs a checkpoint, or NVIDIA's image and a GPU: tests/export/",
    r"^# receiver\.py": "tests/frontend/webhooks/test_receiver_of_the_docs.py runs it",
}
"""What of the examples is not run, and why."""

TIMEOUT_S = 120.0
HEARD = {".wav", ".mp3", ".flac", ".ogg"}
PROGRAMS = {
    "sh": ("bash", "-euo", "pipefail", "-c"),
    "python": (sys.executable, "-c"),
    "js": ("node", "--input-type=module", "-e"),
}


def reason(block: Block) -> str | None:
    """Return why an example is not run, or None."""
    for pattern, why in NOT_RUN.items():
        if re.search(pattern, block.text, re.MULTILINE):
            return why
    return None


EXAMPLES = [block for block in list_blocks() if block.language in PROGRAMS]
RUN = [block for block in EXAMPLES if reason(block) is None]


def test_every_exception_is_needed() -> None:
    for pattern in NOT_RUN:
        assert any(re.search(pattern, each.text, re.MULTILINE) for each in EXAMPLES), pattern
    assert RUN


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.id)
def test_the_example_works_as_printed(served: Stack, tmp_path: Path, block: Block) -> None:
    command = PROGRAMS[block.language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    ended = subprocess.run(
        [*command, block.text.replace("localhost:8080", served.address)],
        cwd=tmp_path,
        env=environment(served, tmp_path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    for file in tmp_path.iterdir():
        assert file.stat().st_size > 0, file.name
        if file.suffix in HEARD:
            with av.open(str(file)) as container:
                assert sum(frame.samples for frame in container.decode(audio=0)) > 0, file.name


def environment(stack: Stack, folder: Path) -> dict[str, str]:
    """Return that of somebody at this stack, whose curl fails where the answer is an error."""
    (folder / ".curlrc").write_text("fail\nshow-error\n")
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "TRITONE_STATE_DIRECTORY": str(stack.log_file.parent / "run"),
        "TRITONE_MODEL_REPOSITORY": str(stack.repository),
    }
