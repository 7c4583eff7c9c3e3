"""Clears up after stacks that ended without being able to."""

import logging
import shutil
from pathlib import Path

from ops.processes.child import kill_instance
from ops.triton.closed_folder import remove_folders
from ops.triton.shared_memory import find_abandoned_prefixes, is_owned, remove_abandoned

_log = logging.getLogger(__name__)


def clear(state_directory: Path) -> None:
    """End the processes of dead stacks, and remove their shared memory and scratch folders."""
    for prefix in find_abandoned_prefixes():
        killed = kill_instance(prefix)
        remove_abandoned(prefix)
        remove_folders(prefix)
        _log.warning("cleared up after a stack that crashed (%d processes were left)", killed)
    for folder in state_directory.glob("tritone_*"):
        if not is_owned(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
