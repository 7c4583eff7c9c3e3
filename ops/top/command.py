"""`tritone top`: the command."""

import dataclasses
import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.live import Live

from ops.checked_settings import checked_settings
from ops.frontend import frontend_url
from ops.running_stack import find
from ops.top.figures import Figures, figures
from ops.top.reading import Reading, Target, read
from ops.top.view import frame

_WINDOW_S = 30.0  # rates and latencies are of at most so long
_FIRST_PAUSE_S = 1.0


def top(  # noqa: PLR0913, PLR0917 -- options, all by name
    url: Annotated[
        list[str] | None,
        typer.Option(help="A frontend, host:port or URL; may be repeated. Default: the local one."),
    ] = None,
    triton: Annotated[
        list[str] | None,
        typer.Option(help="Triton's metrics, such as triton:8002; may be repeated."),
    ] = None,
    worker: Annotated[
        list[str] | None, typer.Option(help="A worker's metrics; may be repeated.")
    ] = None,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds a frame.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a line a frame.")] = False,
) -> None:
    """Show what a stack does right now: models, queue, step batch, clips, jobs. Ctrl-C ends it.

    Without an address it is the `tritone up` of this folder. Leaves with 1 where one frame was
    asked for and nobody answered.
    """
    targets, pid = _targets(url or [], triton or [], worker or [])
    frames = _frames(targets, pid, interval)
    with suppress(KeyboardInterrupt):
        if once or as_json:
            _print(frames, once=once, as_json=as_json, title=_title(targets))
        else:
            _live(frames, _title(targets))


def _targets(
    urls: list[str], tritons: list[str], workers: list[str]
) -> tuple[list[Target], int | None]:
    """Return whom to ask, and the process of the local stack if it is that."""
    pid = None
    if not (urls or tritons or workers):
        settings = checked_settings()
        stack = find(settings.resolved_state_directory())
        if stack is None:
            urls = [frontend_url(settings, settings.port)]
        else:
            pid, workers = stack.pid, list(stack.workers)
            urls = [stack.frontend] if stack.frontend else []
            tritons = [stack.triton_metrics] if stack.triton_metrics else []
    named = (("frontend", urls), ("worker", workers), ("triton", tritons))
    return [Target(name, each) for name, some in named for each in some], pid


def _frames(targets: list[Target], pid: int | None, interval_s: float) -> Iterator[Figures]:
    readings: deque[Reading] = deque([read(targets)])
    pause_s = min(_FIRST_PAUSE_S, interval_s)
    while True:
        time.sleep(pause_s)
        now = read(targets)
        found = figures(readings[0], now)
        yield dataclasses.replace(found, memory_bytes=None if pid is None else _memory(pid))
        readings.append(now)
        while len(readings) > 1 and now.at - readings[0].at > _WINDOW_S:
            readings.popleft()
        pause_s = interval_s


def _print(frames: Iterator[Figures], *, once: bool, as_json: bool, title: str) -> None:
    console = Console()
    for found in frames:
        if as_json:
            sys.stdout.write(json.dumps(dataclasses.asdict(found)) + "\n")
            sys.stdout.flush()
        else:
            console.print(frame(found, title))
        if once:
            is_silent = all(problem is not None for problem in found.problems.values())
            raise typer.Exit(1 if is_silent else 0)


def _live(frames: Iterator[Figures], title: str) -> None:
    console = Console()
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        for found in frames:
            live.update(frame(found, f"{title}   {time.strftime('%H:%M:%S')}"), refresh=True)


def _title(targets: list[Target]) -> str:
    return "tritone top   " + "  ".join(f"{each.name} {each.url}" for each in targets)


def _memory(pid: int) -> float | None:
    """Return the memory of a process and its children, shared pages counted once if we may."""
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    return float(sum(_size(each) for each in processes))


def _size(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        with suppress(psutil.Error):
            return int(process.memory_info().rss)
    except psutil.Error:  # it has ended
        pass
    return 0
