"""The checkpoints of the library transformers that are served as they are: one row a class."""

from dataclasses import dataclass
from typing import Literal

FILE = "checkpoint.json"
"""In the version of a published model: which checkpoint it is, and what it was published with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Facts of one class of transformers."""

    model_type: str  # as `config.json` spells it
    model_class: str  # of transformers
    implementation: str  # module and class below `backends/transformers`
    task: Literal["speech", "sound"]
    batch: int  # passages that one run may make together


ARCHITECTURES: dict[str, Architecture] = {
    each.model_type: each
    for each in (
        Architecture(
            model_type="bark",
            model_class="BarkModel",
            implementation="bark:Bark",
            task="speech",
            batch=8,
        ),
        Architecture(
            model_type="csm",
            model_class="CsmForConditionalGeneration",
            implementation="csm:Csm",
            task="speech",
            batch=8,
        ),
        Architecture(
            model_type="dia",
            model_class="DiaForConditionalGeneration",
            implementation="dia:Dia",
            task="speech",
            batch=8,
        ),
        Architecture(
            model_type="vibevoice",
            model_class="VibeVoiceForConditionalGeneration",
            implementation="vibevoice:VibeVoice",
            task="speech",
            batch=1,
        ),
        Architecture(
            model_type="musicgen",
            model_class="MusicgenForConditionalGeneration",
            implementation="musicgen:MusicGen",
            task="sound",
            batch=8,
        ),
    )
}
"""By model type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Which checkpoint a published model runs."""

    source: str  # a folder, or an id of the hub
    model_type: str
    revision: str = ""  # of the hub
    voices: dict[str, str] | None = None  # the checkpoint's own name of each of our voices
