"""`tritone top`: what a stack does right now, read from its metrics."""

from ops.top.command import top

__all__ = ["top"]
