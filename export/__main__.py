"""`python -m export` and `python -m export engine`."""

import signal
import sys

ENGINE = "engine"

# So that a `kill` or `docker stop` cleans up as Ctrl-C does.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
if sys.argv[1:2] == [ENGINE]:
    # Apart: it runs where neither torch nor diffusers is installed.
    from export.engine_cli import app as engine_app

    engine_app(sys.argv[2:], prog_name=f"python -m export {ENGINE}")
else:
    from export.cli import app

    app(prog_name="python -m export")
