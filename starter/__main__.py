"""``python -m starter``."""

from starter.cli import app

app()
