import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.errors import CannotStart
from ops.stack.state_folder import hold, read_holder

HOLD = (
    "import sys, pathlib; from ops.stack.state_folder import hold\n"
    "with hold(pathlib.Path(sys.argv[1]), 'tritone up'):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


def test_a_folder_has_one_owner_and_says_who(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        found = read_holder(folder)
        assert found is not None
        assert (found.pid, found.command) == (owner.pid, "tritone up")
        said = re.escape(f"{folder} is in use by `tritone up`, process {owner.pid}, since 20")
        with pytest.raises(CannotStart, match=said), hold(folder, "tritone keys"):
            pass
        owner.kill()  # also without a chance to tidy up
        owner.wait()
    assert read_holder(folder) is None
    with hold(folder, "tritone keys"):
        found = read_holder(folder)
        assert found is not None
        assert (found.pid, found.command) == (os.getpid(), "tritone keys")


def test_a_folder_that_cannot_be_written_to_is_said_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    said = pytest.raises(CannotStart, match="set TRITONE_STATE_DIRECTORY to a folder of yours")
    with said, hold(tmp_path / "file" / "run", "tritone up"):
        pass


def test_nobody_owns_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert read_holder(tmp_path / "nowhere") is None
