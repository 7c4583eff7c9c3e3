"""How each family is exported. A new family is one entry here, its modules, and its components."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from export import facts, graphs_stable_audio, graphs_stable_audio_3, references
from export.cards import Facts
from export.graphs import Graph
from export.precision import Precision
from export.references import Sounds, Trial
from tritone.card import ModelCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """The functions that know one pipeline class. Each takes the loaded pipeline first."""

    facts: Callable[[Any], Facts]
    graphs: Callable[[Any, ModelCard, Precision], list[Graph]]  # in the order in which they run
    reference: Callable[[Any, ModelCard, Trial], Sounds]


EXPORTERS: dict[str, Exporter] = {
    "stable_audio": Exporter(
        facts=facts.stable_audio,
        graphs=graphs_stable_audio.graphs,
        reference=references.stable_audio,
    ),
    "stable_audio_3": Exporter(
        facts=facts.stable_audio_3,
        graphs=graphs_stable_audio_3.graphs,
        reference=references.stable_audio_3,
    ),
}
