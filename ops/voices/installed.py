"""The installed voices: those that a running Triton serves, or those that folders hold."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from google.protobuf import text_format  # type: ignore[import-untyped]
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ops.errors import OpsError
from ops.triton.control import TritonControl
from tritone.card import CARD_PARAMETER, InvalidCard, SpeechCard, Voice, from_json
from tritone.versions import CANDIDATE_PARAMETER


class VoicesError(OpsError):
    """The voices cannot be listed or added; the text says why."""


@dataclass(frozen=True, slots=True)
class InstalledVoice:
    """A voice, and the model that has it."""

    model: str
    engine: str
    voice: Voice

    def to_dict(self) -> dict[str, str]:
        """Return what JSON can hold."""
        return asdict(self.voice) | {"model": self.model, "engine": self.engine}


async def ask_triton(control: TritonControl) -> list[InstalledVoice]:
    """Return the voices of the models that are ready.

    Raises:
        TritonCallFailed: Triton does not answer.
        VoicesError: a card is not one of this release.
    """
    ready = sorted({name for name, _, state, _ in await control.states() if state == "READY"})
    return _list_voices([await control.config(name) for name in ready])


def read_repositories(folders: Iterable[Path]) -> list[InstalledVoice]:
    """Return the voices of model repositories; a folder that is not there has none.

    Raises:
        VoicesError: a configuration or a card cannot be read.
    """
    return _list_voices(
        _read(path) for folder in folders for path in sorted(folder.glob("*/config.pbtxt"))
    )


def _read(path: Path) -> ModelConfig:
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except (text_format.ParseError, OSError) as error:
        raise VoicesError(f"{path} is not a model configuration: {error}") from error


def _list_voices(configs: Iterable[ModelConfig]) -> list[InstalledVoice]:
    cards = {card.name: card for card in _read_cards(configs)}
    return [
        InstalledVoice(name, card.engine, voice)
        for name, card in sorted(cards.items())
        for voice in card.voices
    ]


def _read_cards(configs: Iterable[ModelConfig]) -> Iterator[SpeechCard]:
    for config in configs:
        is_published = config.platform == "ensemble" and CARD_PARAMETER in config.parameters
        if not is_published or CANDIDATE_PARAMETER in config.parameters:
            continue
        try:
            card = from_json(config.parameters[CARD_PARAMETER].string_value)
        except InvalidCard as error:
            raise VoicesError(f"the card of {config.name} cannot be read: {error}") from error
        if isinstance(card, SpeechCard):
            yield card
