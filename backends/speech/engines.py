"""Opens the engine that a card names, as `tritone/engines.py` lists them."""

import importlib

from backends.speech.engine import Engine, Parts
from tritone.engines import ENGINES


class UnknownEngine(ValueError):
    """The card's engine is none of this release."""


def open_engine(parts: Parts) -> Engine:
    """Return the engine of a published model.

    Raises:
        UnknownEngine: this release has none of that name.
        ImportError: a package that the engine needs is not installed.
    """
    known = ENGINES.get(parts.card.engine)
    if known is None:
        raise UnknownEngine(f"unknown engine '{parts.card.engine}'; known: {', '.join(ENGINES)}")
    # Imported here only: each engine has packages of its own.
    module, name = known.implementation.split(":")
    engine: Engine = getattr(importlib.import_module(f"backends.speech.{module}"), name)(parts)
    return engine
