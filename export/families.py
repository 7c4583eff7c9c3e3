"""How each family is exported. A new family is one entry here, its modules, and its components."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diffusers import DiffusionPipeline

from export import facts, graphs_ace_step, graphs_stable_audio, graphs_stable_audio_3, references
from export.cards import Facts
from export.graphs import Graph
from export.precision import Precision
from export.trials import Sounds, Trial
from tritone.card import ModelCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """The functions that know one pipeline class. Each takes the loaded pipeline first."""

    facts: Callable[[Any], Facts]
    text_encoder: Callable[[Any, ModelCard], Graph]
    transformer: Callable[[Any, ModelCard, Precision], Graph]
    vae_decoder: Callable[[Any, ModelCard], Graph]
    reference: Callable[[Any, ModelCard, Trial], Sounds]

    def graphs(
        self, pipeline: DiffusionPipeline, card: ModelCard, precision: Precision
    ) -> list[Graph]:
        """Return every graph, in the order in which they run."""
        return [
            self.text_encoder(pipeline, card),
            self.transformer(pipeline, card, precision),
            self.vae_decoder(pipeline, card),
        ]


EXPORTERS: dict[str, Exporter] = {
    "stable_audio": Exporter(
        facts=facts.stable_audio,
        text_encoder=graphs_stable_audio.text_encoder,
        transformer=graphs_stable_audio.transformer,
        vae_decoder=graphs_stable_audio.vae_decoder,
        reference=references.stable_audio,
    ),
    "stable_audio_3": Exporter(
        facts=facts.stable_audio_3,
        text_encoder=graphs_stable_audio_3.text_encoder,
        transformer=graphs_stable_audio_3.transformer,
        vae_decoder=graphs_stable_audio_3.vae_decoder,
        reference=references.stable_audio_3,
    ),
    "ace_step": Exporter(
        facts=facts.ace_step,
        text_encoder=graphs_ace_step.text_encoder,
        transformer=graphs_ace_step.transformer,
        vae_decoder=graphs_ace_step.vae_decoder,
        reference=references.ace_step,
    ),
}
