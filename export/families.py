"""How each family is exported. A new family is one entry here and its modules."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from export.cards import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyExport:
    """The functions that know one pipeline class."""

    components: tuple[str, ...]  # folders that the checkpoint must have
    facts: Callable[[Any], Facts]
    graphs: Callable[..., Any]
    reference: Callable[..., Any]


def _late(module: str, function: str) -> Callable[..., Any]:
    # torch and diffusers take seconds to import; `--help` and every refusal come before that.
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(module), function)(*args, **kwargs)

    return call


EXPORTS: dict[str, FamilyExport] = {
    "stable_audio": FamilyExport(
        components=(
            "tokenizer",
            "text_encoder",
            "projection_model",
            "transformer",
            "vae",
            "scheduler",
        ),
        facts=_late("export.facts", "stable_audio"),
        graphs=_late("export.graphs_stable_audio", "graphs"),
        reference=_late("export.references", "stable_audio"),
    ),
    "stable_audio_3": FamilyExport(
        components=(
            "tokenizer",
            "text_encoder",
            "duration_embedder",
            "transformer",
            "vae",
            "scheduler",
        ),
        facts=_late("export.facts", "stable_audio_3"),
        graphs=_late("export.graphs_stable_audio_3", "graphs"),
        reference=_late("export.references", "stable_audio_3"),
    ),
}
