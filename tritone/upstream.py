"""How a model that speaks names the server that speaks for it, in a file of its version."""

from dataclasses import dataclass

ENGINE = "upstream"
"""The key of `tritone.engines.ENGINES`, and of the cards of such models."""

FILE = "upstream.json"

PATH = "/v1/audio/speech"
"""Below the server's address. Source: OpenAI's API reference, "Create speech"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One OpenAI-compatible speech server."""

    url: str  # as http://host:8880, without the path
    model: str  # what its requests name
    voices: dict[str, str]  # its own name of each of our voices
    key_variable: str = ""  # environment variable with its API key; empty: it asks for none
    timeout_s: float = 60.0  # between two pieces of an answer
