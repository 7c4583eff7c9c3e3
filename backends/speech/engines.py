"""The engines of this release: how a card's `engine` speaks."""

from collections.abc import Callable

from backends.speech.engine import Engine, Network
from backends.speech.hibari import Hibari

ENGINES: dict[str, Callable[[Network], Engine]] = {
    "hibari": Hibari,
}
