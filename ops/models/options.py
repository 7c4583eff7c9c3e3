"""The arguments and options that several commands of `tritone models` share."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(help="Name of the published model.")]
Version = Annotated[int, typer.Argument(min=1, help="Number of the version's folder.")]
Url = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="gRPC address of a Triton to speak to.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--repository",
        help="That Triton's model repository, or a copy: its manifests are read, and its "
        "config.pbtxt files kept up to date.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds that one load or one sound may take.")
]
NoFingerprint = Annotated[
    bool,
    typer.Option("--no-fingerprint", help="Try it although nothing says what it should answer."),
]
IsFleet = Annotated[
    bool,
    typer.Option(
        "--fleet",
        help="Do it at every Triton of TRITONE_TRITON__URL or --url, one after the other; where "
        "one refuses, at none.",
    ),
]
TIMEOUT_S = 600.0
