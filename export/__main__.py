"""`python -m export`."""

import signal
import sys

from export.cli import app

# So that a `kill` or `docker stop` cleans up as Ctrl-C does.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
app(prog_name="python -m export")
