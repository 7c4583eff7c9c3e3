"""Opens the engine that a card names, as `tritone/engines.py` lists them."""

import importlib
import os

from backends.speech.engine import Engine, Parts
from tritone.engines import ENGINES
from tritone.isolated import FAULT_VARIABLE, remedy


class UnknownEngine(ValueError):
    """The card's engine is none of this release."""


class BrokenEnvironment(ValueError):
    """The engine's own environment is not to be used; the text says why, and what mends it."""


def open_engine(parts: Parts) -> Engine:
    """Return the engine of a published model.

    Raises:
        UnknownEngine: this release has none of that name.
        BrokenEnvironment: it needs one of its own, which is missing or broken.
        ImportError: a package that the engine needs is not installed.
    """
    if fault := os.environ.get(FAULT_VARIABLE):
        raise BrokenEnvironment(f"its environment is broken ({fault}); {remedy(parts.card.engine)}")
    known = ENGINES.get(parts.card.engine)
    if known is None:
        raise UnknownEngine(f"unknown engine '{parts.card.engine}'; known: {', '.join(ENGINES)}")
    # Imported here only: each engine has packages of its own.
    module, name = known.implementation.split(":")
    engine: Engine = getattr(importlib.import_module(f"backends.speech.{module}"), name)(parts)
    return engine
