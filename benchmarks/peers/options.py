"""The command line that all peers share."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a peer."""

    checkpoint: Path
    port: int
    threads: int
    trimmed: bool
    max_batch: int


def parse(description: str) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a diffusers folder")
    parser.add_argument("--port", type=int, required=True, help="port to listen on")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument(
        "--trimmed", action="store_true", help="latents of the length asked for, not the window"
    )
    parser.add_argument("--max-batch", type=int, default=8, help="most clips in one batch")
    arguments = parser.parse_args()
    return Options(
        arguments.checkpoint,
        arguments.port,
        arguments.threads,
        arguments.trimmed,
        arguments.max_batch,
    )
