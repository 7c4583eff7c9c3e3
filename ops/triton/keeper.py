"""First process of the Triton image: runs Triton, drains it before it ends, tells whether it lives.

    keeper.py run tritonserver --model-repository=/models ...
    keeper.py alive

SIGTERM alone makes Triton fail every diffusion that is under way, because the denoiser's calls to
its transformer are refused at once. So the ensembles are unloaded first: new requests are refused,
which frontends give to another Triton, and those under way end. A second signal ends all at once.

`alive` fails when a model that Triton calls ready does not answer so itself: its backend process is
dead, which Triton 26.04 and later notice but do not mend. The orchestrator then starts it anew.

Standard library only: it runs in NVIDIA's image, which knows nothing of ours but `backends`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from http.client import HTTPException
from types import FrameType
from typing import Any

_CALL_TIMEOUT_S = 5.0
_POLL_S = 0.1
_GONE = {"UNAVAILABLE", ""}
_SIGNALLED = 128  # the shell's way to tell of a signal
_UNREACHABLE = (OSError, HTTPException, ValueError)


class Triton:
    """The HTTP API of the Triton in this container."""

    def __init__(self, port: int) -> None:
        """Connect at each call."""
        self._url = f"http://127.0.0.1:{port}/v2"

    def is_ready(self, model: str) -> bool:
        """Return whether a model says that it is ready."""
        try:
            self._call("GET", f"models/{model}/ready")
        except _UNREACHABLE:
            return False
        return True

    def states(self) -> dict[str, set[str]]:
        """Return the states of each model's versions."""
        states: dict[str, set[str]] = {}
        for version in self._call("POST", "repository/index"):
            states.setdefault(version["name"], set()).add(version.get("state", ""))
        return states

    def ensembles(self) -> list[str]:
        """Return the ensembles that are ready."""
        ready = [name for name, states in self.states().items() if "READY" in states]
        return [
            name
            for name in ready
            if self._call("GET", f"models/{name}/config").get("platform") == "ensemble"
        ]

    def unload(self, model: str) -> None:
        """Refuse new requests to a model; those under way end."""
        self._call("POST", f"repository/models/{model}/unload")

    def _call(self, method: str, path: str) -> Any:  # noqa: ANN401 -- JSON
        data = b"{}" if method == "POST" else None
        request = urllib.request.Request(f"{self._url}/{path}", data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_CALL_TIMEOUT_S) as response:  # noqa: S310
            body = response.read()
        return json.loads(body) if body else None


def drain(triton: Triton, timeout_s: float) -> bool:
    """Unload every ensemble; return whether their last requests ended in time."""
    deadline = time.monotonic() + timeout_s
    try:
        ensembles = triton.ensembles()
        for name in ensembles:
            triton.unload(name)
        while any(triton.states().get(name, set()) - _GONE for name in ensembles):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
    except _UNREACHABLE as error:
        _say(f"cannot drain: {error}")
        return False
    return True


def run(command: list[str], triton: Triton, timeout_s: float) -> int:
    """Run Triton until it ends or SIGTERM comes; return its exit status."""
    signals: list[int] = []
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        stop.set()
        if len(signals) > 1:
            os.killpg(child.pid, signal.SIGKILL)

    # In a session of its own: a Ctrl-C must not reach Triton before it is drained.
    child = subprocess.Popen(command, start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    threading.Thread(target=_set_when_over, args=(child, stop), daemon=True).start()
    stop.wait()
    if child.poll() is None:
        _say("draining")
        _say("drained" if drain(triton, timeout_s) else "not drained; ending all the same")
        child.send_signal(signal.SIGTERM)
    status = child.wait()
    return status if status >= 0 else _SIGNALLED - status


def _set_when_over(child: subprocess.Popen[bytes], over: threading.Event) -> None:
    child.wait()
    over.set()


def alive(triton: Triton) -> list[str]:
    """Return the models whose backend process is dead.

    Raises:
        OSError: Triton does not answer.
    """
    ready = [name for name, states in triton.states().items() if "READY" in states]
    # Asked twice: it may have been unloaded meanwhile, which is no death.
    suspects = [name for name in ready if not triton.is_ready(name)]
    states = triton.states() if suspects else {}
    return [name for name in suspects if "READY" in states.get(name, set())]


def _say(text: str) -> None:
    sys.stderr.write(f"keeper: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Do as told; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--http-port", type=int, default=8000, help="of Triton (8000)")
    parser.add_argument(
        "--drain-timeout-s", type=float, default=60.0, help="for requests under way (60)"
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run").add_argument("command", nargs=argparse.REMAINDER)
    verbs.add_parser("alive")
    options = parser.parse_args()
    triton = Triton(options.http_port)
    if options.verb == "run":
        return run(options.command, triton, options.drain_timeout_s)
    try:
        dead = alive(triton)
    except _UNREACHABLE as error:
        _say(f"Triton does not answer: {error}")
        return 1
    if dead:
        _say(f"dead: {', '.join(dead)}")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
