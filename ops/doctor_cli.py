"""`tritone doctor`."""

import typer

from ops.doctor import Finding, examine
from ops.settings import load_settings


def doctor_command() -> None:
    """Check what the stack needs, a line each."""
    findings = examine(load_settings())
    for finding in findings:
        typer.echo(_line(finding))
    if not all(finding.is_good for finding in findings):
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    return f"{'ok  ' if finding.is_good else 'BAD '} {finding.subject}: {finding.detail}"
