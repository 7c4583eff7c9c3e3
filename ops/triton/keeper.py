"""First process of the Triton image: runs Triton, drains it before it ends, tells whether it lives.

    keeper.py run tritonserver --model-repository=/models ...
    keeper.py ready
    keeper.py alive

SIGTERM alone makes Triton fail every diffusion that is under way, because the denoiser's calls to
its transformer are refused at once. So the ensembles are unloaded first: new requests are refused,
which frontends give to another Triton, and those under way end. A second signal ends all at once.

`alive` fails when a model that Triton calls ready does not answer so itself: its backend process is
dead, which Triton 26.11 notices but does not mend. The orchestrator then starts it anew.

That a model is loaded and answers small questions says nothing of its sounds: on a GPU they may all
fail. So while Triton runs, a short sound is made with every ensemble that made none meanwhile.
`alive` fails when sounds have stopped; `ready` also until the first one was made.

Standard library only, and so is what it imports of ours: it runs in NVIDIA's image.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from ops.triton.closed_apis import close_apis
from ops.triton.listener import (
    FOREIGN,
    UNREACHABLE,
    Listener,
    Sounds,
    find_mute,
    find_stopped,
    read_notes,
    say,
)

_CALL_TIMEOUT_S = 5.0
_POLL_S = 0.1
_GONE = {"UNAVAILABLE", ""}
_SIGNALLED = 128  # the shell's way to tell of a signal

_CANARY = {
    "prompt": "a church bell",
    "seconds_start": 0.0,
    "seconds_end": 0.1,
    "seed": 1,
    "steps": 2,
    "guidance_scale": 1.0,
    "priority_class": 1,  # as of a job: somebody who waits comes first
}
_CARD, _UPSTREAM = "tritone_card", "upstream"  # of `tritone`, which is not in that image
_SPOKEN_CANARY = {"text": "One, two, three.", "priority_class": 1}

_NOTHING = {"TYPE_STRING": "", "TYPE_BOOL": False}  # of inputs that only some families have
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # Triton is in here


class Triton:
    """The HTTP API of the Triton in this container."""

    def __init__(self, port: int) -> None:
        """Connect at each call."""
        self._url = f"http://127.0.0.1:{port}/v2"

    def is_ready(self, model: str) -> bool:
        """Return whether a model says that it is ready."""
        try:
            self._call("GET", f"models/{model}/ready")
        except UNREACHABLE:
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
        return [name for name in ready if self._read_config(name).get("platform") == "ensemble"]

    def find_kind(self, model: str) -> str:
        """Return what an ensemble makes: `sound` or `speech`, or speech that is `foreign`."""
        config = self._read_config(model)
        if _read_card(config).get("engine") == _UPSTREAM:
            return FOREIGN
        return "speech" if _speaks(config) else "sound"

    def count_sounds(self, model: str) -> int:
        """Return how many requests to an ensemble have ended well since it was loaded."""
        found = self._call("GET", f"models/{model}/stats")["model_stats"]
        return sum(int(each["inference_stats"]["success"].get("count", 0)) for each in found)

    def make_sound(self, model: str, timeout_s: float) -> list[int]:
        """Return the samples of a short sound."""
        asked = _make_canary(self._read_config(model))
        answer = self._call("POST", f"models/{model}/generate", asked, timeout_s)
        samples = answer["pcm"]
        return samples if isinstance(samples, list) else [samples]

    def _read_config(self, model: str) -> dict[str, Any]:
        config: dict[str, Any] = self._call("GET", f"models/{model}/config")
        return config

    def unload(self, model: str) -> None:
        """Refuse new requests to a model; those under way end."""
        self._call("POST", f"repository/models/{model}/unload")

    def _call(
        self, method: str, path: str, body: object = None, timeout_s: float = _CALL_TIMEOUT_S
    ) -> Any:  # noqa: ANN401 -- JSON
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self._url}/{path}", data, method=method)  # noqa: S310
        with _DIRECT.open(request, timeout=timeout_s) as response:
            answer = response.read()
        return json.loads(answer) if answer else None


def _read_card(config: dict[str, Any]) -> dict[str, Any]:
    """Return the card of a model as `tritone.card` wrote it; empty: it has none."""
    found = config.get("parameters", {}).get(_CARD, {}).get("string_value", "")
    card: dict[str, Any] = json.loads(found) if found else {}
    return card


def _speaks(config: dict[str, Any]) -> bool:
    return any(each["name"] == "text" for each in config.get("input", []))


def _make_canary(config: dict[str, Any]) -> dict[str, object]:
    """Return what a short sound is asked for with, as the ensemble takes it."""
    if _speaks(config):
        card = _read_card(config)  # which names a text where the voice cannot read ours
        return _SPOKEN_CANARY | ({"text": card["trial_text"]} if "trial_text" in card else {})
    takes = config.get("input", [])
    return {each["name"]: _NOTHING.get(each["data_type"], 0) for each in takes} | _CANARY


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
    except UNREACHABLE as error:
        say(f"cannot drain: {error}")
        return False
    return True


def run(
    command: list[str], triton: Triton, timeout_s: float, listen: Callable[[threading.Event], None]
) -> int:
    """Run Triton until it ends or SIGTERM comes; return its exit status. Meanwhile, listen."""
    signals: list[int] = []
    started: list[subprocess.Popen[bytes]] = []
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        stop.set()
        if len(signals) > 1:
            for each in started:
                os.killpg(each.pid, signal.SIGKILL)

    # Before Triton is started: a signal that nobody handles would leave it running without us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    # In a session of its own: a Ctrl-C must not reach Triton before it is drained.
    closed = close_apis() if Path(command[0]).name == "tritonserver" else []
    child = subprocess.Popen([*command, *closed], start_new_session=True)
    started.append(child)
    threading.Thread(target=_set_when_over, args=(child, stop), daemon=True).start()
    threading.Thread(target=listen, args=(stop,), daemon=True).start()
    stop.wait()
    if child.poll() is None:
        say("draining")
        say("drained" if drain(triton, timeout_s) else "not drained; ending all the same")
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


def ready(triton: Triton, heard: dict[str, Sounds]) -> str:
    """Return why nothing can be served yet; empty: something can.

    Raises:
        OSError: Triton does not answer.
    """
    mute = find_mute(heard)
    if heard and not mute:
        return ""
    states = triton.states()
    if not any("READY" in each for each in states.values()):
        return "no model is loaded"
    if not triton.ensembles():
        return ""  # models that are not ours: nobody listens to those
    return "; ".join(mute) or "no sound was made"


def main() -> int:
    """Do as told; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--http-port", type=int, default=8000, help="of Triton (8000)")
    parser.add_argument(
        "--drain-timeout-s", type=float, default=60.0, help="for requests under way (60)"
    )
    parser.add_argument(
        "--sound-period-s", type=float, default=30.0, help="between two looks for sounds (30)"
    )
    parser.add_argument(
        "--sound-timeout-s", type=float, default=60.0, help="that a short sound may take (60)"
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run").add_argument("command", nargs=argparse.REMAINDER)
    verbs.add_parser("ready")
    verbs.add_parser("alive")
    options = parser.parse_args()
    triton = Triton(options.http_port)
    notes = Path(tempfile.gettempdir(), f"tritone-sounds-{options.http_port}.json")
    if options.verb == "run":
        listener = Listener(triton, notes, options.sound_timeout_s)
        listen = partial(listener.listen, options.sound_period_s)
        return run(options.command, triton, options.drain_timeout_s, listen)
    return probe(options.verb, triton, read_notes(notes))


def probe(verb: str, triton: Triton, heard: dict[str, Sounds]) -> int:
    """Answer a probe of the orchestrator; return the exit status."""
    try:
        dead, stopped = alive(triton), find_stopped(heard)
        problem = f"dead: {', '.join(dead)}" if dead else ""
        problem = problem or (f"sounds have stopped: {', '.join(stopped)}" if stopped else "")
        if verb == "ready":
            problem = problem or ready(triton, heard)
    except UNREACHABLE as error:
        problem = f"Triton does not answer: {error}"
    if problem:
        say(problem)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
